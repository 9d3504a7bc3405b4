import { execFile } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { apiPrefix, type Image, type Operation } from '@strata/contract';
import { buildApp, type StrataApp } from '../../../app.ts';
import { type Db, openDatabase } from '../../../db/open-database.ts';
import { createOverlay } from '../../../qemu/qemu-img.ts';
import { writeBlocks } from '../../../qemu/qemu-io.ts';
import { testDataDir } from '../../../testing/test-app.ts';

export const tool = promisify(execFile);
/** A printed command, as a person pastes it. */
export const paste = (command: string, cwd: string) => tool('/bin/sh', ['-ec', command], { cwd });

export interface ExportAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever is answered, and fails where it is not so.
  readonly body: any;
  readonly raw: Buffer;
}

export interface ExportBench {
  readonly strata: StrataApp;
  readonly dataDir: string;
  readonly runDir: string;
  /** For what a test copies. */
  readonly scratch: string;
  readonly base: Image;
  /** Stands on `base`, with bytes of its own. */
  readonly top: Image;
  call(
    method: 'GET' | 'POST' | 'DELETE' | 'PATCH',
    path: string,
    body?: unknown,
    headers?: object,
  ): Promise<ExportAnswer>;
  operation(answer: ExportAnswer): Promise<Operation>;
  image(name: string): Image;
  /** Ends the server as it ends by itself, and starts another one on the same folders. */
  restart(meanwhile?: (db: Db) => void): Promise<void>;
  stop(): Promise<void>;
}

const headers = { host: '127.0.0.1', authorization: 'Bearer test-token' };
export const mebi = 1024 ** 2;

/** The whole server, with two layers of 8 MiB that show different bytes. */
export const startExportBench = async (): Promise<ExportBench> => {
  const folder = testDataDir();
  const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'strata-scratch-')));
  const build = (): Promise<StrataApp> =>
    buildApp({
      ...{ version: '0.0.0-test', host: '127.0.0.1', port: 0, ...folder },
      ...{ open: false, token: 'test-token', webRoot: null, logLevel: 'silent' },
    });
  let strata = await build();
  const { images } = strata.services.library;
  const base = await images.create({ name: 'base', format: 'qcow2', size: 8 * mebi, preallocation: 'off' });
  await writeBlocks(base, [{ offset: 0, length: 3 * mebi, pattern: 17 }], scratch);
  const path = join(folder.dataDir, 'images', 'top.qcow2');
  await createOverlay({ path, backing: 'base.qcow2', backingFormat: 'qcow2' });
  await writeBlocks({ path, format: 'qcow2' }, [{ offset: mebi, length: 65_536, pattern: 99 }], scratch);
  await images.scan();
  await images.rename(images.findByPath(path)?.id ?? '', 'top');
  const image = (name: string): Image => {
    const found = strata.services.library.images.list().find((each) => each.name === name);
    if (found === undefined) throw new Error(`no image ${name}`);
    return found;
  };
  const call: ExportBench['call'] = async (method, url, body, more = {}) => {
    const answer = await strata.app.inject({
      ...{ method, url: apiPrefix + url },
      // A header that is undefined is left out.
      headers: Object.fromEntries(
        Object.entries({ ...headers, ...more }).filter(([, value]) => value !== undefined),
      ),
      ...(body === undefined ? {} : { payload: body as object }),
    });
    const json = /json/.test(String(answer.headers['content-type']));
    return {
      status: answer.statusCode,
      headers: answer.headers,
      body: json ? JSON.parse(answer.body) : null,
      raw: answer.rawPayload,
    };
  };
  return {
    get strata() {
      return strata;
    },
    ...{ ...folder, scratch, base: image('base'), top: image('top'), call, image },
    operation: async ({ body }) => strata.services.operations.ended((body as Operation).id),
    restart: async (meanwhile) => {
      await strata.close();
      const db = openDatabase(join(folder.dataDir, 'strata.db'));
      meanwhile?.(db);
      db.close();
      strata = await build();
    },
    stop: async () => {
      for (const { id } of strata.services.exports.list()) await strata.services.exports.stop(id);
      for (const vm of strata.services.vms.list())
        if (strata.services.vms.isLive(vm.id)) await strata.services.vms.poweroff(vm.id);
      await strata.close();
      folder.remove();
      rmSync(scratch, { recursive: true, force: true });
    },
  };
};
