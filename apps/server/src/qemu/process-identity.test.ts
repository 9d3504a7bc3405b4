import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { identify, isAlive, killProcess, parseStat, runsMachine } from './process-identity.ts';

describe('who a process is', () => {
  it('reads state and start time behind a name with blanks and parentheses', () => {
    const rest = ['S', ...Array.from({ length: 18 }, (_, n) => String(n)), '4711', '9'];
    expect(parseStat(`42 (a (b) c) ${rest.join(' ')}`)).toEqual({ state: 'S', startTime: '4711' });
    expect(parseStat('')).toBeNull();
  });

  it('knows itself, and nobody for a number that is not taken', async () => {
    const me = await identify(process.pid);
    expect(me?.pid).toBe(process.pid);
    expect(me !== null && (await isAlive(me))).toBe(true);
    expect(await identify(2 ** 22 + 1)).toBeNull();
  });

  it('takes another process with the same number, or of another boot, for dead', async () => {
    const me = await identify(process.pid);
    if (me === null) throw new Error('not found');
    expect(await isAlive({ ...me, startTime: '1' })).toBe(false);
    expect(await isAlive({ ...me, bootId: 'another' })).toBe(false);
  });

  it('does not kill a process that only has the number', async () => {
    const child = spawn('sleep', ['30']);
    const identity = await identify(child.pid ?? 0);
    if (identity === null) throw new Error('not found');
    await killProcess({ ...identity, startTime: '1' });
    await sleep(50);
    expect(await isAlive(identity)).toBe(true);
    await killProcess(identity);
    await new Promise((resolve) => child.once('exit', resolve));
    expect(await isAlive(identity)).toBe(false);
  });

  it('takes a zombie for dead', async () => {
    // The shell starts a child that ends at once, and does not wait for it.
    const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 30']);
    const pid = Number(
      await new Promise<string>((resolve) => parent.stdout.once('data', (data) => resolve(String(data)))),
    );
    await sleep(200);
    expect(await identify(pid)).toBeNull();
    parent.kill('SIGKILL');
  });

  it('recognizes a machine by the UUID among its arguments', async () => {
    const child = spawn('sh', ['-c', 'sleep 30; true', 'x', '-uuid', 'ABC']);
    await sleep(50);
    expect(await runsMachine(child.pid ?? 0, 'abc')).toBe(true);
    expect(await runsMachine(child.pid ?? 0, 'abd')).toBe(false);
    child.kill('SIGKILL');
  });
});
