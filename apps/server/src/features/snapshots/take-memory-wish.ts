import { statfs } from 'node:fs/promises';
import type { TakeSnapshot, Vm } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import type { VmsService } from '../vms/vms.types.ts';
import type { TakeMemoryRun } from './take.executor.ts';

const usualSeconds = 30;
const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 1024 ** 2).toLocaleString('en')} MiB`;

/** Throws unless the VM has a memory that could be kept with all of its disks. */
export const demandMemoryPossible = (
  vms: Pick<VmsService, 'live'>,
  vm: Vm,
  { disks }: Pick<TakeSnapshot, 'disks'>,
): void => {
  if (vms.live(vm.id) === null)
    throw new AppError(
      'vm-not-running',
      `“${vm.name}” is off and has no memory to keep. Start it, or take the snapshot without memory.`,
    );
  if (disks !== undefined && vm.disks.some(({ id }) => !disks.includes(id)))
    throw new AppError(
      'not-possible',
      'Memory belongs to all disks of the VM: with only some of them it would find others than it remembers. Take it of all disks, or without memory.',
    );
};

/** Throws where there is nothing that it could limit. */
export const demandLimitHasUse = ({
  memory,
  kind,
  stopAfterSeconds,
}: Pick<TakeSnapshot, 'memory' | 'kind' | 'stopAfterSeconds'>): void => {
  if (stopAfterSeconds === undefined || (memory && kind === 'external')) return;
  throw new AppError(
    'not-possible',
    memory
      ? '“stopAfterSeconds” limits how long the guest runs on while its memory is saved; for a snapshot inside the image it stands all the time. Leave it out.'
      : '“stopAfterSeconds” limits how long the guest runs on while its memory is saved, and this snapshot is without memory. Leave it out.',
  );
};

/** The file is named after the snapshot. Throws `disk-full` when it would not fit; `without`: what is possible all the same. */
export const memoryToTake = async (
  { vms, dataDir }: { vms: Pick<VmsService, 'memory' | 'moments'>; dataDir: string },
  vm: Vm,
  snapshotId: string,
  { stopAfterSeconds }: Pick<TakeSnapshot, 'stopAfterSeconds'>,
  without = 'take the snapshot',
): Promise<TakeMemoryRun> => {
  const hardware = vms.memory.hardware(vm.id);
  const forecast = (await vms.moments.heldMemory(vm.id)) ?? vm.memory;
  const { bavail, bsize } = await statfs(dataDir);
  if (bavail * bsize < forecast)
    throw new AppError(
      'disk-full',
      `The memory of “${vm.name}” takes about ${mebibytes(forecast)} in ${dataDir}, where ${mebibytes(bavail * bsize)} are free. Free some space, or ${without} without memory.`,
    );
  return {
    file: `${snapshotId}.mem`,
    forecast,
    hardware,
    stopAfterSeconds: stopAfterSeconds ?? usualSeconds,
  };
};

export const memoryStep = ({ forecast, hardware, stopAfterSeconds }: TakeMemoryRun): string => {
  const save = `Save the memory (up to ${mebibytes(forecast)})`;
  if (hardware.ran?.paused === true)
    return `${save}; all disks continue on the overlays, and the VM stays paused`;
  // Emulated: QEMU would miss some of what the guest writes meanwhile.
  if (hardware.ran?.accelerator === 'tcg')
    return `${save} while the guest stands, and let all disks continue on the overlays`;
  return `${save} while the guest runs, stop it for a moment, after ${stopAfterSeconds} s at the latest, and let all disks continue on the overlays`;
};
