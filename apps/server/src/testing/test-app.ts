import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apiPrefix, type Method } from '@strata/contract';
import type { FastifyInstance } from 'fastify';
import { type Base, createBase } from '../base.ts';
import type { Config } from '../config.ts';
import type { HttpLimits } from '../http/server.ts';
import { prepareFolders } from '../prepare-folders.ts';

export interface TestAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  /** The parsed JSON; null when the answer is something else. */
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever is answered, and fails where it is not so.
  readonly body: any;
  readonly raw: Buffer;
}

export interface TestServer extends Base {
  readonly port: number;
  readonly dataDir: string;
  /** In-process, with the token and the right Host. The path is below `/api/v1` unless it begins with `//`. */
  request(
    method: Method,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<TestAnswer>;
  stop(): Promise<void>;
}

export interface TestServerOptions {
  readonly config?: Partial<Config>;
  readonly limits?: HttpLimits;
  /** The routes of the feature under test, with what it is made of. */
  readonly routes?: (app: FastifyInstance, base: Base) => void | Promise<void>;
}

const parsed = (type: unknown, text: string): unknown =>
  /json/.test(String(type)) && text !== '' ? JSON.parse(text) : null;

/** A folder of its own with everything a data folder has. */
export const testDataDir = (): { dataDir: string; runDir: string; remove(): void } => {
  // /tmp and not $TMPDIR's depths: socket paths are short.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'strata-')));
  const prepared = prepareFolders({ dataDir: folder, runtimeDir: null });
  return { ...prepared, remove: () => rmSync(folder, { recursive: true, force: true }) };
};

/** A real server on a random port over a fresh data folder: the base with the routes of one feature. */
export const startTestServer = async (options: TestServerOptions = {}): Promise<TestServer> => {
  const { dataDir, runDir, remove } = testDataDir();
  const config: Config = {
    version: '0.0.0-test',
    host: '127.0.0.1',
    port: 0,
    dataDir,
    runDir,
    open: false,
    token: 'test-token-test-token-test-token-test',
    webRoot: null,
    logLevel: 'silent',
    ...options.config,
  };
  const base = await createBase(config, options.limits);
  await options.routes?.(base.app, base);
  await base.app.listen({ host: config.host, port: config.port });
  const { port } = base.app.server.address() as AddressInfo;
  return {
    ...base,
    port,
    dataDir,
    request: async (method, path, body, headers = {}) => {
      const answer = await base.app.inject({
        method,
        url: path.startsWith('//') ? path.slice(1) : apiPrefix + path,
        headers: { host: `127.0.0.1:${port}`, authorization: `Bearer ${base.token}`, ...headers },
        ...(body === undefined ? {} : { payload: body as object }),
      });
      return {
        status: answer.statusCode,
        headers: answer.headers,
        body: parsed(answer.headers['content-type'], answer.body),
        raw: answer.rawPayload,
      };
    },
    stop: async () => {
      await base.close();
      remove();
    },
  };
};
