import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const serverProgram = fileURLToPath(new URL('../../server/dist/main.js', import.meta.url));
export const token = 'e2e-token-0123456789abcdef0123456789abcdef';

/** An answer of the API: any JSON; the tests look at what they need. */
// biome-ignore lint/suspicious/noExplicitAny: the outside view has no types of ours
export type Json = any;

export interface Answer {
  status: number;
  headers: Headers;
  body: Json;
}

/** A running server of the built bundle on a folder of its own, and the contract spoken from outside. */
export interface Strata {
  readonly dataDir: string;
  readonly url: string;
  /** As the ready line prints it, with the token in the fragment. */
  readonly readyLink: string;
  readonly pid: number;
  call(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Like `call`, and throws unless the status is 2xx. */
  ok(method: string, path: string, body?: unknown): Promise<Json>;
  /** `kill -9` of the server alone. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

export interface StartOptions {
  dataDir?: string;
  port?: number;
  /** More of the command line. */
  flags?: readonly string[];
}

export const startStrata = async ({
  dataDir = mkdtempSync(join(tmpdir(), 'strata-e2e-')),
  port = 0,
  flags = [],
}: StartOptions = {}): Promise<Strata> => {
  const child = spawn(
    process.execPath,
    [serverProgram, '--port', String(port), '--no-open', '--data-dir', dataDir, ...flags],
    {
      env: { ...process.env, STRATA_TOKEN: token, XDG_RUNTIME_DIR: '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  servers.add(child);
  folders.add(dataDir);
  child.once('exit', () => servers.delete(child));
  const readyLink = await untilReady(child);
  const url = new URL(readyLink).origin;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));

  const call = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const response = await fetch(path.startsWith('/healthz') ? `${url}${path}` : `${url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        // A test that was busy for longer than the server keeps a connection would meet a closed one.
        connection: 'close',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return {
      status: response.status,
      headers: response.headers,
      body: isJson ? await response.json() : Buffer.from(await response.arrayBuffer()),
    };
  };
  return {
    dataDir,
    url,
    readyLink,
    pid: child.pid ?? 0,
    call,
    ok: async (method, path, body) => {
      const answer = await call(method, path, body);
      if (answer.status >= 300) {
        throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      }
      return answer.body;
    },
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
};

const untilReady = (child: ChildProcess): Promise<string> =>
  new Promise((resolve, reject) => {
    let errors = '';
    child.stderr?.on('data', (chunk) => {
      errors += chunk;
    });
    child.once('exit', (code) =>
      reject(new Error(`the server ended with ${code} before it was ready:\n${errors}`)),
    );
    if (child.stdout === null) throw new Error('no stdout');
    createInterface({ input: child.stdout }).on('line', (line) => {
      const link = /^Strata is ready at (http:\S+)$/.exec(line)?.[1];
      if (link !== undefined) resolve(link);
    });
  });

const servers = new Set<ChildProcess>();
const folders = new Set<string>();

/** What a failed test left behind: its servers, and their VMs by the pid files of their sockets' folders. */
process.on('exit', () => {
  for (const server of servers) server.kill('SIGKILL');
  for (const folder of folders) {
    const run = join(folder, 'run');
    for (const vm of existsSync(run) ? readdirSync(run) : []) {
      const pidFile = join(run, vm, 'pid');
      const pid = existsSync(pidFile) ? Number(readFileSync(pidFile, 'utf8')) : 0;
      const isOurs =
        pid > 0 &&
        existsSync(`/proc/${pid}`) &&
        readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder);
      if (isOurs) process.kill(pid, 'SIGKILL');
    }
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Powers off every VM, stops the server and removes its folder. */
export const disposeStrata = async (strata: Strata): Promise<void> => {
  const { items } = await strata.ok('GET', '/vms');
  for (const vm of items as Json[]) {
    if (vm.pid !== undefined) await strata.call('POST', `/vms/${vm.id}/poweroff`);
  }
  await strata.stop();
  rmSync(strata.dataDir, { recursive: true, force: true });
  folders.delete(strata.dataDir);
};

/** Asks again until the answer satisfies; for tests only: Strata itself follows events. */
export const until = async <Value>(
  what: string,
  ask: () => Promise<Value>,
  satisfied: (value: Value) => boolean,
  seconds = 60,
): Promise<Value> => {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const value = await ask();
    if (satisfied(value)) return value;
    if (Date.now() > deadline)
      throw new Error(`${what}: not within ${seconds} s; last: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};

/** Waits for an operation's end and throws unless it is `done`. */
export const finished = async (strata: Strata, operation: Json, seconds = 120): Promise<Json> => {
  const ended = await until(
    `operation ${operation.title}`,
    () => strata.ok('GET', `/operations/${operation.id}`),
    (seen) => ['done', 'failed', 'cancelled'].includes(seen.state),
    seconds,
  );
  if (ended.state !== 'done')
    throw new Error(`${ended.title}: ${ended.state} ${JSON.stringify(ended.error)}`);
  return ended;
};

/** Field 22 of /proc/PID/stat: two processes with one pid have different start times. */
export const startTimeOf = (pid: number): string => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
};
