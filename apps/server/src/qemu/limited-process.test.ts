import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { inTurn, runLimited } from './limited-process.ts';
import { allPids, argumentsOf } from './process-identity.ts';

const limits = { timeoutMs: 5_000, maxOutputBytes: 1_000, addressSpaceBytes: 2 ** 31, cpuSeconds: 5 };

describe('work on images', () => {
  it('runs two heavy ones at a time, and all of them in the end, failures too', async () => {
    let running = 0;
    let most = 0;
    const work = async (number: number) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running--;
      if (number % 3 === 0) throw new Error('failed');
      return number;
    };
    const ends = await Promise.allSettled(
      [1, 2, 3, 4, 5, 6, 7].map((number) => inTurn('heavy', () => work(number))),
    );
    expect(most).toBe(2);
    expect(ends.map(({ status }) => status === 'fulfilled')).toEqual([
      true,
      true,
      false,
      true,
      true,
      false,
      true,
    ]);
  });
});

describe('a tool', () => {
  it('gets its arguments as they are, and nothing of the server’s environment', async () => {
    process.env.STRATA_TOKEN = 'canary';
    const script = 'console.log(JSON.stringify([process.argv.slice(1), process.env.STRATA_TOKEN ?? null]))';
    const output = await runLimited('node', ['-e', script, '--', '$HOME; "a b"'], {
      ...limits,
      addressSpaceBytes: 2 ** 40,
    });
    delete process.env.STRATA_TOKEN;
    expect(JSON.parse(output)).toEqual([['$HOME; "a b"'], null]);
  });

  it('is ended when it takes too long, and when it says too much', async () => {
    await expect(runLimited('sleep', ['10'], { ...limits, timeoutMs: 50 })).rejects.toMatchObject({
      timedOut: true,
    });
    await expect(runLimited('yes', [], limits)).rejects.toMatchObject({ isMaxBuffer: true });
  });

  it('gets no more memory than it may have', async () => {
    const greedy = ['-c', 'x=$(head -c 200000000 /dev/zero | tr "\\0" a); echo done'];
    await expect(runLimited('sh', greedy, { ...limits, addressSpaceBytes: 50_000_000 })).rejects.toThrow();
  });

  it.each([
    ['ends with', false],
    ['outlives', true],
  ])('%s a server that is killed', async (_how, outlivesServer) => {
    // Never the argument of anything else.
    const seconds = `${60 + Math.random()}`;
    const code = `
      import { runLimited } from '${new URL('./limited-process.ts', import.meta.url).pathname}';
      void runLimited('sleep', ['${seconds}'], ${JSON.stringify(limits)}, { outlivesServer: ${outlivesServer} });`;
    const tool = async (): Promise<number | undefined> => {
      for (const pid of await allPids())
        if ((await argumentsOf(pid)).join(' ') === `sleep ${seconds}`) return pid;
      return undefined;
    };
    const server = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
      stdio: ['ignore', 'inherit', 'inherit'],
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
    });
    const pid = await expect.poll(tool, { timeout: 10_000 }).toBeDefined().then(tool);
    server.kill('SIGKILL');
    await once(server, 'exit');
    if (outlivesServer) expect(await tool()).toBe(pid);
    else await expect.poll(tool).toBeUndefined();
    if (outlivesServer && pid !== undefined) process.kill(pid, 'SIGKILL');
  });

  it('that is not installed is a missing file', async () => {
    await expect(runLimited('no-such-tool', [], limits)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
