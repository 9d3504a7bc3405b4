import type { DiskUse } from '@strata/backing-chain';
import type { Vm } from '@strata/contract';
import { AppError } from '../../../app-error.ts';
import type { Db } from '../../../db/open-database.ts';
import type { ImagesService } from '../../images/images.types.ts';
import type { GuestAgents } from '../../vms/guest-agents.ts';
import type { VmMoments } from '../../vms/vm-moments.ts';
import type { StoredDefinition, StoredDisk, Suspended, VmHardware } from '../../vms/vm-record.types.ts';
import type { LiveVm, VmsService } from '../../vms/vms.types.ts';

/** VMs as the books have them, in the real tables; which of them run is said by the test. */
export interface BenchVms extends VmsService {
  define(id: string, disks: readonly string[]): void;
  diskImage(vmId: string, position?: number): string;
  diskId(vmId: string, position?: number): string;
  setLive(vmId: string, live: LiveVm | null): void;
  /** What a start brings up; without it a start changes nothing. */
  setStarter(start: (vmId: string, paused: boolean) => Promise<LiveVm>): void;
  /** What its screen showed the last time. */
  setPicture(vmId: string, png: Buffer): void;
}

const unused = (): never => {
  throw new Error('not part of the bench');
};

const noAgents: GuestAgents = {
  state: () => Promise.resolve({ state: 'absent', reason: 'not part of the bench' }),
  withAgent: () => Promise.reject(new Error('not part of the bench')),
  freshen: () => {},
};

/** Its VMs have no hardware but their disks. */
const benchMoments = (db: Db): VmMoments => {
  const definitionOf = db.prepare<[string], string>('SELECT definition FROM vms WHERE id = ?').pluck();
  const disksOf = db.prepare<[string], StoredDisk>(
    'SELECT id, image_id AS imageId FROM vm_disks WHERE vm_id = ? ORDER BY position',
  );
  const defined = (vmId: string): VmHardware => ({
    definition: JSON.parse(definitionOf.get(vmId) ?? '{}') as StoredDefinition,
    disks: disksOf.all(vmId),
  });
  return {
    now: defined,
    defined,
    forgetFailure: () => {},
    heldMemory: () => Promise.resolve(null),
    refit: (_, hardware) => Promise.resolve({ hardware, impediments: [] }),
    uefiVars: (vmId) => `/nonexistent/${vmId}`,
    restore: (vmId, { definition }) =>
      void db.prepare('UPDATE vms SET definition = ? WHERE id = ?').run(JSON.stringify(definition), vmId),
  };
};

export const benchVms = (db: Db, images: ImagesService): BenchVms => {
  const running = new Map<string, LiveVm>();
  const pictures = new Map<string, Buffer>();
  let starter: ((vmId: string, paused: boolean) => Promise<LiveVm>) | null = null;
  const guards: Array<Parameters<VmsService['addGuard']>[0]> = [];
  const diskRows = (vmId: string) =>
    db
      .prepare<[string], { id: string; imageId: string }>(
        'SELECT id, image_id AS imageId FROM vm_disks WHERE vm_id = ? ORDER BY position',
      )
      .all(vmId);
  const vmIds = () => db.prepare('SELECT id FROM vms').pluck().all() as string[];
  const row = (vmId: string, position: number) => {
    const found = diskRows(vmId)[position];
    if (found === undefined) throw new AppError('not-found', `${vmId} has no disk ${position}`);
    return found;
  };
  const suspended = (vmId: string): Suspended | null =>
    JSON.parse(
      String(db.prepare('SELECT suspended FROM vms WHERE id = ?').pluck().get(vmId) ?? 'null'),
    ) as Suspended | null;
  const setSuspended = (vmId: string, memory: Suspended | null): void =>
    void db
      .prepare('UPDATE vms SET suspended = ? WHERE id = ?')
      .run(memory === null ? null : JSON.stringify(memory), vmId);
  const currentSnapshot = (vmId: string) =>
    db.prepare('SELECT current_snapshot_id FROM vms WHERE id = ?').pluck().get(vmId) as string | null;
  const get = (vmId: string): Vm =>
    ({
      id: vmId,
      name: vmId,
      memory: 32 * 1024 ** 2,
      state: running.has(vmId) ? 'running' : suspended(vmId) === null ? 'off' : 'suspended',
      disks: diskRows(vmId),
      current: { snapshotId: currentSnapshot(vmId) },
    }) as unknown as Vm;

  images.addUseSource({
    disks: () =>
      vmIds().flatMap((vmId) =>
        diskRows(vmId).map(
          ({ id, imageId }): DiskUse => ({
            vmId,
            vmName: vmId,
            diskId: id,
            imageId,
            running: running.has(vmId),
            suspended: suspended(vmId) !== null,
          }),
        ),
      ),
  });

  return {
    define: (id, disks) => {
      db.prepare("INSERT INTO vms (id, uuid, name, definition, created_at) VALUES (?, ?, ?, '{}', '')").run(
        id,
        id,
        id,
      );
      for (const [position, imageId] of disks.entries())
        db.prepare("INSERT INTO vm_disks VALUES (?, ?, ?, ?, '{}')").run(
          `${id}d${position}`,
          id,
          position,
          imageId,
        );
    },
    diskImage: (vmId, position = 0) => row(vmId, position).imageId,
    diskId: (vmId, position = 0) => row(vmId, position).id,
    setLive: (vmId, live) => {
      if (live === null) running.delete(vmId);
      else running.set(vmId, live);
    },
    setStarter: (start) => {
      starter = start;
    },
    list: () => vmIds().map(get),
    get,
    live: (vmId) => running.get(vmId) ?? null,
    screenshot: (vmId) => Promise.resolve(pictures.get(vmId) ?? null),
    forgetPicture: (vmId) => {
      pictures.delete(vmId);
      return Promise.resolve();
    },
    setPicture: (vmId, png) => void pictures.set(vmId, png),
    setDiskImage: (vmId, diskId, imageId) => {
      const { changes } = db
        .prepare('UPDATE vm_disks SET image_id = ? WHERE vm_id = ? AND id = ?')
        .run(imageId, vmId, diskId);
      if (changes !== 1) throw new Error(`${vmId} has no disk ${diskId}`);
    },
    setCurrentSnapshot: (vmId, snapshotId) => {
      db.prepare('UPDATE vms SET current_snapshot_id = ? WHERE id = ?').run(snapshotId, vmId);
    },
    currentSnapshot,
    moments: benchMoments(db),
    agents: noAgents,
    addGuard: (guard) => void guards.push(guard),
    onExit: () => {},
    memory: {
      hardware: (vmId) => ({
        ...benchMoments(db).defined(vmId),
        ran: { accelerator: 'tcg', paused: false },
      }),
      ...{ save: unused, goOn: unused, stayPaused: unused, standsSaved: unused, keep: unused },
      has: () => Promise.resolve(true),
      pathOf: (vmId, file) => `/no memories in this bench/${vmId}/${file}`,
      remove: () => Promise.resolve(),
      suspended,
      setSuspended,
    },
    start: async (vmId, wishes) => {
      for (const guard of guards) {
        const refusal = guard(vmId, [row(vmId, 0).imageId], 'start');
        if (refusal !== null) throw refusal;
      }
      if (starter !== null) running.set(vmId, await starter(vmId, wishes?.paused === true));
      setSuspended(vmId, null);
      return get(vmId);
    },
    create: unused,
    patch: unused,
    delete: unused,
    shutdown: unused,
    poweroff: async (vmId) => {
      const live = running.get(vmId);
      await live?.qmp.execute('quit');
      await live?.exited;
      running.delete(vmId);
      return get(vmId);
    },
    reset: unused,
    pause: async (vmId) => {
      await running.get(vmId)?.qmp.execute('stop');
      return get(vmId);
    },
    resume: async (vmId) => {
      for (const guard of guards) {
        const refusal = guard(vmId, [row(vmId, 0).imageId], 'resume');
        if (refusal !== null) throw refusal;
      }
      await running.get(vmId)?.qmp.execute('cont');
      return get(vmId);
    },
  };
};
