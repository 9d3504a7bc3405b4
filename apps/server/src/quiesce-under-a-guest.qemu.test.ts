import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Operation } from '@strata/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GuestConsole } from './testing/guest-console.ts';
import { findGuestAgent } from './testing/linux-guest.ts';
import { type LinuxVm, startLinuxVm } from './testing/linux-vm.ts';

const agentProgram = findGuestAgent();
let linux: LinuxVm;
let guest: GuestConsole;

const services = () => linux.strata.services;
const vm = () => services().vms.get(linux.vmId);
const take = async (name: string): Promise<Operation> => {
  const wish = { name, kind: 'external', memory: false, quiesce: true } as const;
  const { id } = await services().snapshots.take(linux.vmId, wish);
  return services().operations.wait(id, 120);
};
/** All that the disk held at the moment of the snapshot. */
const frozenBytes = (operation: Operation): string => {
  const snapshot = services().snapshots.get(linux.vmId, String(operation.result?.snapshotId));
  const { path } = services().library.images.facts(snapshot.disks[0]?.imageId ?? '');
  const raw = join(linux.dataDir, 'frozen.raw');
  execFileSync('qemu-img', ['convert', '-O', 'raw', path, raw]);
  return readFileSync(raw, 'latin1');
};

describe.skipIf(agentProgram === null)('a guest with its agent', () => {
  beforeAll(async () => {
    linux = await startLinuxVm('64M', agentProgram);
    guest = await linux.connect(1);
    await guest.command('mount-new /dev/vda');
  }, 120_000);
  afterAll(() => linux.stop());

  it('is not frozen as long as the agent does not run', async () => {
    await expect(take('too early')).rejects.toMatchObject({ code: 'agent-absent', status: 409 });
  });

  it('says who it is', async () => {
    await guest.command('agent');
    await expect
      .poll(() => vm().guest, { timeout: 60_000 })
      .toMatchObject({ agent: true, hostname: 'testguest' });
  }, 90_000);

  it('is frozen for the moment of the snapshot', async () => {
    await guest.command('put marker unflushed-words-of-the-guest');
    const operation = await take('frozen');
    expect(operation).toMatchObject({ state: 'done' });
    const snapshotId = String(operation.result?.snapshotId);
    expect(services().snapshots.get(linux.vmId, snapshotId).consistency).toBe('frozen');
    expect(frozenBytes(operation)).toContain('unflushed-words-of-the-guest');
    // It goes on: what it writes is not held back.
    await guest.command('put more words');
    await guest.command('sync');

    await services().vms.pause(linux.vmId);
    await expect(take('paused')).rejects.toMatchObject({ code: 'agent-absent' });
    await services().vms.resume(linux.vmId);
  }, 120_000);

  it('that was frozen when the server was killed goes on after the next start', async () => {
    const { agents } = services().vms;
    const { withAgent } = agents;
    let frozen: () => void = () => {};
    const isFrozen = new Promise<void>((resolve) => {
      frozen = resolve;
    });
    // The server dies with the answer of the agent: nothing after the freeze is done.
    Object.assign(agents, {
      withAgent: ((vmId, work) =>
        withAgent(vmId, (session) =>
          work({
            close: () => session.close(),
            execute: async (command, timeoutMs) => {
              const answer = await session.execute(command, timeoutMs);
              if (command !== 'guest-fsfreeze-freeze') return answer;
              session.close();
              frozen();
              return new Promise(() => {});
            },
          }),
        )) satisfies typeof withAgent,
    });
    const wish = { name: 'killed', kind: 'external', memory: false, quiesce: true } as const;
    const { id } = await services().snapshots.take(linux.vmId, wish);
    await isFrozen;
    await linux.restart();
    const operation = await services().operations.wait(id, 120);
    expect(operation).toMatchObject({ state: 'done', recovery: expect.stringMatching(/go on again/) });
    const snapshotId = String(operation.result?.snapshotId);
    expect(services().snapshots.get(linux.vmId, snapshotId).consistency).toBe('crash');
    guest = await linux.connect(1);
    await guest.command('put after the-kill');
    await guest.command('sync');
  }, 120_000);
});
