import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FakeQemu } from '@strata/qmp/testing';
import { expect, test } from 'vitest';
import { connectMonitors } from '../../qemu/monitors.ts';
import { VmRun } from './vm-run.ts';
import type { RunEnd } from './vm-run-end.ts';

const goneProcess = { bootId: '', pid: 0, startTime: '', startedAt: '', argv: [], hardware: '' };

test('what QEMU said last is heard, though its process and its other monitor are gone already', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'run-'));
  const paths = { control: join(folder, 'c'), tools: join(folder, 't') };
  const control = await FakeQemu.listen({ path: paths.control });
  const tools = await FakeQemu.listen({ path: paths.tools });
  try {
    const monitors = await connectMonitors(paths);
    const ends: (RunEnd | null)[] = [];
    const listener = {
      changed: () => {},
      note: () => {},
      reached: () => {},
      agentOpened: () => {},
      ended: (how: RunEnd | null) => void ends.push(how),
    };
    const run = new VmRun(goneProcess, { uuid: '', ...paths }, listener);
    run.take(monitors, false);
    await tools.close();
    await monitors.tools.closed;
    await sleep(20);
    control.emit('SHUTDOWN', { guest: true, reason: 'guest-shutdown' });
    await control.close();
    await run.exited;
    expect(ends).toEqual([{ crashed: false, words: 'the guest shut down' }]);
  } finally {
    await control.close();
    await tools.close();
    await rm(folder, { recursive: true });
  }
});
