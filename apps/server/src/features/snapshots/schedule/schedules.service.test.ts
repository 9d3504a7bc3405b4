import type { PutSchedule } from '@strata/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../../app-error.ts';
import { scheduledName } from './schedule-times.ts';
import { type ScheduleBench, scheduleBench, startOfTests } from './testing/schedule-bench.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const hourly: PutSchedule = {
  enabled: true,
  every: { count: 1, unit: 'hours' },
  keep: 3,
  memory: false,
  quiesce: false,
};
const at = (milliseconds: number): string => new Date(startOfTests + milliseconds).toISOString();

let bench: ScheduleBench;
beforeEach(() => {
  bench = scheduleBench(['vmone', 'vmtwo']);
});
afterEach(() => bench.dispose());
const shown = (vmId = 'vmone') => bench.schedules.get(vmId);

describe('automatic snapshots', () => {
  it('are off until somebody wishes for them', async () => {
    expect(shown()).toMatchObject({ enabled: false, nextAt: null, last: null });
    await bench.clock.pass(30 * day);
    expect(bench.taken).toEqual([]);
    expect(bench.clock.waiting()).toBe(0);
  });

  it('are taken in their rhythm, named by the time, and counted as automatic', async () => {
    expect(bench.schedules.put('vmone', hourly)).toMatchObject({ ...hourly, nextAt: at(hour), last: null });
    await bench.clock.pass(hour - 1);
    expect(bench.taken).toEqual([]);
    await bench.clock.pass(1);
    expect(bench.taken).toMatchObject([
      {
        vmId: 'vmone',
        origin: 'schedule',
        wish: { name: scheduledName(startOfTests + hour), kind: 'external', memory: false },
      },
    ]);
    expect(shown()).toMatchObject({
      nextAt: at(2 * hour),
      last: { at: at(hour), outcome: 'taken', operationId: 'op1' },
    });
    await bench.clock.pass(5 * hour);
    expect(bench.taken).toHaveLength(6);
  });

  it('of all VMs wait with one timer', async () => {
    bench.schedules.put('vmone', hourly);
    bench.schedules.put('vmtwo', { ...hourly, every: { count: 20, unit: 'minutes' } });
    expect(bench.clock.waiting()).toBe(1);
    await bench.clock.pass(2 * hour);
    expect(bench.clock.waiting()).toBe(1);
    expect(bench.taken.filter(({ vmId }) => vmId === 'vmone')).toHaveLength(2);
    expect(bench.taken.filter(({ vmId }) => vmId === 'vmtwo')).toHaveLength(6);
  });

  it('keep their rhythm when only the rest is changed, and begin anew with another one', async () => {
    bench.schedules.put('vmone', hourly);
    await bench.clock.pass(40 * minute);
    expect(bench.schedules.put('vmone', { ...hourly, keep: 5 }).nextAt).toBe(at(hour));
    const daily = { ...hourly, every: { count: 2, unit: 'days' } } as const;
    expect(bench.schedules.put('vmone', daily).nextAt).toBe(at(40 * minute + 2 * day));
  });

  it('end when they are switched off, and with their VM', async () => {
    bench.schedules.put('vmone', hourly);
    bench.schedules.put('vmtwo', hourly);
    bench.schedules.put('vmone', { ...hourly, enabled: false });
    bench.remove('vmtwo');
    await bench.clock.pass(day);
    expect(bench.taken).toEqual([]);
    expect(bench.clock.waiting()).toBe(0);
    expect(() => bench.schedules.get('vmtwo')).toThrow(AppError);
    expect(() => bench.schedules.put('vmtwo', hourly)).toThrow(AppError);
  });

  it('are not begun by a server that ends', async () => {
    bench.schedules.put('vmone', hourly);
    bench.schedules.close();
    await bench.clock.pass(day);
    expect(bench.taken).toEqual([]);
  });
});

describe('a time at which there is nothing to take, or no way to take it', () => {
  beforeEach(() => bench.schedules.put('vmone', hourly));

  it('is left out, and says so, while an operation works on the VM', async () => {
    bench.vm.working = 'Commit “a” into “b”';
    await bench.clock.pass(hour);
    expect(bench.taken).toEqual([]);
    expect(shown()).toMatchObject({
      nextAt: at(2 * hour),
      last: { outcome: 'skipped', detail: '“Commit “a” into “b”” was working on the VM.' },
    });
    bench.vm.working = null;
    await bench.clock.pass(hour);
    expect(shown().last?.outcome).toBe('taken');
  });

  it('is left out while the VM is suspended', async () => {
    bench.vm.state = 'suspended';
    await bench.clock.pass(hour);
    expect(bench.taken).toEqual([]);
    expect(shown().last).toMatchObject({ outcome: 'skipped', detail: expect.stringContaining('suspended') });
  });

  it('is left out when nothing has changed since the last snapshot', async () => {
    bench.vm.changed = false;
    bench.vm.state = 'off';
    await bench.clock.pass(3 * hour);
    expect(bench.taken).toEqual([]);
    expect(shown().last).toMatchObject({
      at: at(3 * hour),
      outcome: 'skipped',
      detail: 'Nothing has changed since “the last one”.',
    });
  });

  it('is one to take at where the last snapshot is of other disks only', async () => {
    bench.vm.changed = false;
    bench.vm.covered = ['another'];
    await bench.clock.pass(hour);
    expect(bench.taken).toHaveLength(1);
  });

  it('says why a snapshot failed, and the rhythm goes on', async () => {
    bench.take = async () => ({
      state: 'failed',
      error: { code: 'disk-full', message: 'There is no space.' },
    });
    await bench.clock.pass(hour);
    expect(shown().last).toEqual({
      at: at(hour),
      outcome: 'failed',
      detail: 'There is no space.',
      operationId: 'op1',
    });
    bench.take = () => Promise.reject(new AppError('qemu-unresponsive', 'QEMU does not answer.'));
    await bench.clock.pass(hour);
    expect(shown().last).toMatchObject({ outcome: 'failed', detail: 'QEMU does not answer.' });
    bench.take = async () => ({});
    await bench.clock.pass(hour);
    expect(shown().last?.outcome).toBe('taken');
  });

  it('is left out while the one before is not done: never two at once', async () => {
    let end = (): void => {};
    bench.take = () => new Promise((resolve) => (end = () => resolve({})));
    await bench.clock.pass(4 * hour);
    expect(bench.taken).toHaveLength(1);
    expect(shown().last).toMatchObject({ at: at(4 * hour), outcome: 'skipped' });
    end();
    await bench.clock.pass(minute);
    expect(shown().last).toMatchObject({ outcome: 'taken', operationId: 'op1' });
    await bench.clock.pass(hour);
    expect(bench.taken).toHaveLength(2);
  });
});

it('freezes the file systems where the guest agent is ready, and says so where it is not', async () => {
  bench.schedules.put('vmone', { ...hourly, quiesce: true });
  await bench.clock.pass(hour);
  expect(bench.taken.map(({ wish }) => wish.quiesce)).toEqual([true]);
  bench.refuseNext = new AppError('agent-absent', 'No agent answers.');
  await bench.clock.pass(hour);
  expect(bench.taken.map(({ wish }) => wish.quiesce)).toEqual([true, false]);
  expect(shown().last).toMatchObject({
    outcome: 'taken',
    detail: expect.stringContaining('crash-consistent'),
  });
});

describe('with the memory', () => {
  beforeEach(() => bench.schedules.put('vmone', { ...hourly, memory: true }));

  it('a VM that runs is never the same, whatever it has written', async () => {
    bench.vm.changed = false;
    await bench.clock.pass(2 * hour);
    expect(bench.taken.map(({ wish }) => wish.memory)).toEqual([true, true]);
  });

  it('a VM that is off is taken as it is, without', async () => {
    bench.vm.state = 'off';
    await bench.clock.pass(hour);
    expect(bench.taken.map(({ wish }) => wish.memory)).toEqual([false]);
  });

  it('a VM that stays paused is taken once', async () => {
    bench.vm.changed = false;
    bench.become('paused');
    await bench.clock.pass(5 * hour);
    expect(bench.taken).toHaveLength(1);
    bench.become('running');
    bench.become('paused');
    await bench.clock.pass(5 * hour);
    expect(bench.taken).toHaveLength(2);
  });
});

describe('time that passes otherwise than expected', () => {
  beforeEach(() => bench.schedules.put('vmone', hourly));

  it('while the server is down costs one snapshot at its start, not a burst', async () => {
    bench.schedules.close();
    await bench.clock.pass(100 * day + 20 * minute);
    bench.restart();
    await bench.clock.pass(1);
    expect(bench.taken).toHaveLength(1);
    expect(shown().nextAt).toBe(at(100 * day + hour));
    await bench.clock.pass(40 * minute);
    expect(bench.taken).toHaveLength(2);
  });

  it('a server that was killed while it took one does not take it again', async () => {
    bench.take = () => new Promise(() => {});
    await bench.clock.pass(hour);
    bench.restart();
    await bench.clock.pass(59 * minute);
    expect(bench.taken).toHaveLength(1);
  });

  it('a clock that is set forward brings one, and the rhythm goes on', async () => {
    bench.clock.set(startOfTests + 365 * day);
    await bench.clock.pass(2 * hour);
    expect(bench.taken.length).toBeLessThanOrEqual(3);
    expect(bench.taken.length).toBeGreaterThan(0);
    const before = bench.taken.length;
    await bench.clock.pass(10 * hour);
    expect(bench.taken).toHaveLength(before + 10);
  });

  it('a clock that is set back does not stop them for long', async () => {
    bench.clock.set(startOfTests - 365 * day);
    await bench.clock.pass(3 * hour);
    expect(bench.taken.length).toBeGreaterThan(0);
    expect(bench.taken.length).toBeLessThanOrEqual(3);
  });

  it('a clock that is set to and fro all the time makes no storm', async () => {
    for (let step = 0; step < 200; step += 1) {
      bench.clock.set(startOfTests + (step % 2 === 0 ? 365 : -365) * day);
      bench.schedules.put('vmone', { ...hourly, keep: 1 + (step % 5) });
      await bench.clock.pass(minute);
    }
    // 200 minutes: as often as three hours and a half allow, give or take where each of them began.
    expect(bench.taken.length).toBeLessThanOrEqual(5);
  });

  it('months are waited for without a timer that is too long', async () => {
    bench.schedules.put('vmtwo', { ...hourly, every: { count: 90, unit: 'days' } });
    bench.schedules.put('vmone', { ...hourly, enabled: false });
    await bench.clock.pass(89 * day);
    expect(bench.taken).toEqual([]);
    await bench.clock.pass(day);
    expect(bench.taken).toHaveLength(1);
  });
});
