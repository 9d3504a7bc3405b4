import type { DiskUse, MediaUse } from '@strata/backing-chain';
import { diskDevice } from '../../qemu/argv/boot-order.ts';
import { ask } from '../../qemu/monitors.ts';
import type { VmRecord } from './vm-record.types.ts';
import type { VmRun } from './vm-run.ts';
import type { VmsContext } from './vms.context.ts';

const isRunning = (context: VmsContext, vmId: string): boolean =>
  context.runs.has(vmId) || context.busy.get(vmId) === 'starting';

export const diskUses = (context: VmsContext): DiskUse[] =>
  context.repository.all().flatMap((vm) =>
    vm.disks.map((disk) => ({
      vmId: vm.id,
      vmName: vm.name,
      diskId: disk.id,
      imageId: disk.imageId,
      running: isRunning(context, vm.id),
      suspended: vm.suspended !== null,
    })),
  );

export const mediaUses = (context: VmsContext): MediaUse[] =>
  context.repository
    .all()
    .flatMap((vm) =>
      vm.definition.media.flatMap(({ slot, imageId }) =>
        imageId === null ? [] : [{ vmId: vm.id, vmName: vm.name, slot, imageId }],
      ),
    );

/** The name of a disk's device as `query-block` shows it; virtio shows the path of its inner half (QEMU 7.2, 10.0). */
export const qdevOf = (record: VmRecord, diskId: string): string => {
  const device = diskDevice(diskId);
  const disk = record.disks.find(({ id }) => id === diskId);
  return disk?.bus === 'virtio' || disk === undefined
    ? `/machine/peripheral/${device}/virtio-backend`
    : device;
};

const topNode = async (run: VmRun, qdev: string): Promise<string | null> => {
  const devices = await ask('list its disks', run.monitors.tools.execute('query-block'));
  return devices.find((device) => device.qdev === qdev)?.inserted?.['node-name'] ?? null;
};

/**
 * Writes out the metadata that QEMU holds in memory for the disk of a running VM (qemu-recipes.md §11): what lies
 * on the disk lags behind until then. False when that was not possible.
 */
export const flushImage = async (context: VmsContext, imageId: string): Promise<boolean> => {
  for (const record of context.repository.all()) {
    const disk = record.disks.find((candidate) => candidate.imageId === imageId);
    const run = context.runs.get(record.id);
    if (disk === undefined || run === undefined || run.ended) continue;
    try {
      const node = await topNode(run, qdevOf(record, disk.id));
      if (node === null) return false;
      const answer = await run.monitors.tools.execute('human-monitor-command', {
        'command-line': `qemu-io ${node} flush`,
      });
      return answer.trim() === '';
    } catch {
      return false;
    }
  }
  return true;
};
