import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));
const serverFolder = fileURLToPath(new URL('..', import.meta.url));

interface Run {
  readonly process: ChildProcess;
  readonly out: () => string;
  readonly err: () => string;
  readonly ended: Promise<number | null>;
}

let folder: string;
let runs: Run[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'strata-main-'));
  runs = [];
});
afterEach(async () => {
  for (const run of runs) run.process.kill('SIGKILL');
  await Promise.all(runs.map((run) => run.ended));
  rmSync(folder, { recursive: true, force: true });
});

const start = (argv: string[], environment: Record<string, string> = {}): Run => {
  const process_ = spawn(process.execPath, ['--import', 'tsx', main, '--no-open', ...argv], {
    cwd: serverFolder,
    env: { PATH: process.env.PATH ?? '', HOME: folder, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  process_.stdout?.on('data', (chunk) => {
    out += String(chunk);
  });
  process_.stderr?.on('data', (chunk) => {
    err += String(chunk);
  });
  const run = {
    process: process_,
    out: () => out,
    err: () => err,
    ended: once(process_, 'close').then(([code]) => code as number | null),
  };
  runs.push(run);
  return run;
};
const dataDir = () => join(folder, 'data');
const ready = async (run: Run): Promise<string> => {
  await expect.poll(() => run.out() + run.err(), { timeout: 15_000 }).toContain('Strata is ready at');
  return /http:\S+:\d+/.exec(run.out())?.[0] ?? '';
};

describe('the process', () => {
  it('prints one line when it is ready, answers, and ends in order', async () => {
    const run = start(['--port', '0', '--data-dir', dataDir()], { STRATA_TOKEN: 'abc' });
    const link = await ready(run);
    expect(run.out()).toMatch(/^Strata is ready at http:\/\/127\.0\.0\.1:\d+\/#token=abc\n$/);
    expect(await (await fetch(`${link}/healthz`)).json()).toEqual({ status: 'ok' });
    expect((await fetch(`${link}/api/v1/host`)).status).toBe(401);
    run.process.kill('SIGTERM');
    expect(await run.ended).toBe(0);
  });

  it('keeps its files and folders to itself', async () => {
    const run = start(['--port', '0', '--data-dir', dataDir()]);
    const first = await ready(run).then(() => run.out().split('#token=')[1]);
    for (const name of readdirSync(dataDir(), { recursive: true }).map(String))
      expect([name, statSync(join(dataDir(), name)).mode & 0o077]).toEqual([name, 0]);
    expect(readdirSync(dataDir())).toEqual(expect.arrayContaining(['token', 'strata.db']));
    run.process.kill('SIGINT');
    await run.ended;
    const again = start(['--port', '0', '--data-dir', dataDir()]);
    await ready(again);
    expect(again.out().split('#token=')[1]).toBe(first);
  });

  it('is the only one on its data folder, until it dies', async () => {
    const argv = ['--port', '0', '--data-dir', dataDir()];
    const first = start(argv);
    const link = await ready(first);
    const second = start(argv);
    const began = Date.now();
    expect(await second.ended).toBe(1);
    // Most of this is tsx compiling; the lock itself answers in 300 ms.
    expect(Date.now() - began).toBeLessThan(8000);
    expect(second.err()).toContain(`Another Strata already uses the data folder ${dataDir()}`);
    expect((await fetch(`${link}/healthz`)).status).toBe(200);
    first.process.kill('SIGKILL');
    await first.ended;
    await ready(start(argv));
  });

  it('says when the port is taken and how to choose another', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as { port: number };
    const run = start(['--port', String(port), '--data-dir', dataDir()]);
    expect(await run.ended).toBe(1);
    expect(run.err()).toMatch(new RegExp(`Port ${port} .* is taken.*--port 0`));
    holder.close();
  });

  it('refuses what it does not know with 2, a bad data folder with 1, and creates nothing', async () => {
    const unknown = start(['--colour', 'red', '--data-dir', dataDir()]);
    const unwritable = start(['--port', '0', '--data-dir', '/proc/strata']);
    expect([await unknown.ended, await unwritable.ended]).toEqual([2, 1]);
    expect(unknown.err()).toContain("Unknown option '--colour'");
    expect(unwritable.err()).toContain('cannot write to its data folder /proc/strata');
    expect(readdirSync(folder)).toEqual([]);
  });
});
