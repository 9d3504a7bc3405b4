import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { inTurn, runLimited } from './limited-process.ts';
import { allPids, argumentsOf } from './process-identity.ts';
import { workBrake } from './work-brake.ts';

const MiB = 1024 ** 2;
const limits = { timeoutMs: 60_000, maxOutputBytes: 1_000, addressSpaceBytes: 2 ** 31, cpuSeconds: 60 };
const patience = { timeout: 40_000, interval: 5 };

/** A number of seconds that is never the argument of anything else. */
const secondsOfOwn = (): string => `${600 + Math.random()}`;
const toolWith = async (argument: string): Promise<number | undefined> => {
  for (const pid of await allPids()) {
    const [program, ...args] = await argumentsOf(pid);
    if ((program === 'sleep' || program === 'dd') && args.includes(argument)) return pid;
  }
  return undefined;
};
const started = async (argument: string): Promise<number> => {
  await expect.poll(() => toolWith(argument), patience).toBeDefined();
  return (await toolWith(argument)) ?? 0;
};
const stateOf = (pid: number): string | undefined =>
  readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.charAt(0);

it('a paused tool stands still and lets others have its turn, until it goes on', async () => {
  const brake = workBrake();
  const seconds = secondsOfOwn();
  const end = new AbortController();
  const work = inTurn('heavy', (leave) =>
    runLimited('sleep', [seconds], limits, { brake, signal: end.signal, onStopped: leave }),
  );
  const pid = await started(seconds);
  await brake.pause();
  await expect.poll(() => stateOf(pid), patience).toBe('T');
  // Both places are free: each waits until the other has one.
  let both = 0;
  await Promise.all(
    [1, 2].map(() =>
      inTurn('heavy', async () => {
        both += 1;
        while (both < 2) await delay(1);
      }),
    ),
  );
  expect(stateOf(pid)).toBe('T');
  await brake.resume();
  await expect.poll(() => stateOf(pid), patience).toBe('S');
  end.abort();
  await expect(work).rejects.toThrow();
});

it('a tool that is cancelled while it stands still ends at once', async () => {
  const brake = workBrake();
  const seconds = secondsOfOwn();
  const end = new AbortController();
  const work = runLimited('sleep', [seconds], limits, { brake, signal: end.signal });
  const pid = await started(seconds);
  await brake.pause();
  await expect.poll(() => stateOf(pid), patience).toBe('T');
  end.abort();
  await expect(work).rejects.toMatchObject({ isCanceled: true, isForcefullyTerminated: false });
});

it('a limit is what a tool moves over a while, and can be lifted', async () => {
  const brake = workBrake();
  const speed = 64 * MiB;
  const end = new AbortController();
  const mark = `count=${10 ** 9 + Math.floor(Math.random() * 10 ** 9)}`;
  await brake.setSpeed(speed);
  const args = ['if=/dev/zero', 'of=/dev/null', 'bs=8k', mark];
  const work = runLimited('dd', args, limits, { brake, signal: end.signal });
  const pid = await started(mark);
  const moved = (): number =>
    Number(/^wchar: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, 'latin1'))?.[1] ?? 0);
  // Of all since it began: what it moves before it is looked at is waited for later.
  const [before, begin] = [moved(), performance.now()];
  const share = (): number => ((moved() - before) * 1000) / (performance.now() - begin) / speed;
  await expect.poll(() => performance.now() - begin > 1000 && share() < 1.2, patience).toBe(true);
  expect(moved()).toBeGreaterThan(0);
  await brake.setSpeed(0);
  await expect.poll(share, patience).toBeGreaterThan(2);
  end.abort();
  await expect(work).rejects.toThrow();
}, 90_000);

it('work in this process is held as well, and nothing is begun while it is paused', async () => {
  const brake = workBrake();
  await brake.setSpeed(MiB);
  const begin = performance.now();
  for (const _ of [1, 2, 3]) await brake.pass(0.1 * MiB);
  expect(performance.now() - begin).toBeGreaterThan(290);
  await brake.setSpeed(0);
  await brake.pause();
  let went = false;
  const held = brake.pass(0).then(() => {
    went = true;
  });
  await delay(20);
  expect(went).toBe(false);
  await brake.resume();
  await held;
  const end = new AbortController();
  await brake.pause();
  const never = brake.pass(0, end.signal);
  end.abort(new Error('cancelled'));
  await expect(never).rejects.toThrow('cancelled');
});

it('a tool that stands still dies with a server that is killed', async () => {
  const seconds = secondsOfOwn();
  const url = (file: string) => new URL(file, import.meta.url).pathname;
  const code = `
    import { runLimited } from '${url('./limited-process.ts')}';
    import { workBrake } from '${url('./work-brake.ts')}';
    const brake = workBrake();
    void runLimited('sleep', ['${seconds}'], ${JSON.stringify(limits)}, { brake });
    void brake.pause();`;
  const server = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
    stdio: ['ignore', 'inherit', 'inherit'],
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
  });
  const pid = await started(seconds);
  await expect.poll(() => stateOf(pid), patience).toBe('T');
  server.kill('SIGKILL');
  await once(server, 'exit');
  await expect.poll(() => toolWith(seconds), patience).toBeUndefined();
});
