import { statfs } from 'node:fs/promises';
import type { Operation, Vm } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { newId } from '../../new-id.ts';
import type { OperationsService } from '../operations/operations.types.ts';
import type { VmsService } from '../vms/vms.types.ts';
import { suspendExecutor } from './suspend.executor.ts';

export interface SuspendDeps {
  readonly vms: VmsService;
  readonly operations: OperationsService;
  readonly dataDir: string;
}
export interface SuspendService {
  suspend(vmId: string): Promise<Operation>;
}

const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 1024 ** 2).toLocaleString('en')} MiB`;

const demandRunning = ({ name, state }: Vm): void => {
  if (state === 'running' || state === 'paused') return;
  if (state === 'suspended') throw new AppError('vm-suspended', `“${name}” is suspended already.`);
  if (state === 'starting' || state === 'stopping')
    throw new AppError('vm-busy', `“${name}” is ${state}. Wait a moment.`);
  throw new AppError('vm-not-running', `“${name}” is off: there is nothing that could be suspended.`);
};

/** Registers its executor; create it once, before operations are recovered. */
export const createSuspendService = ({ vms, operations, dataDir }: SuspendDeps): SuspendService => {
  operations.register(suspendExecutor(vms));
  return {
    suspend: async (vmId) => {
      const vm = vms.get(vmId);
      demandRunning(vm);
      const lookedAt = operations.look();
      const hardware = vms.memory.hardware(vmId);
      const forecast = (await vms.moments.heldMemory(vmId)) ?? vm.memory;
      const { bavail, bsize } = await statfs(dataDir);
      if (bavail * bsize < forecast)
        throw new AppError(
          'disk-full',
          `The memory of “${vm.name}” takes about ${mebibytes(forecast)} in ${dataDir}, where ${mebibytes(bavail * bsize)} are free. Free some space, or shut the VM down.`,
        );
      return operations.start({
        kind: 'vm-suspend',
        title: `Suspend “${vm.name}”`,
        request: { vmId, file: `${newId()}.mem`, forecast, hardware },
        journal: { phase: 'new', bytes: 0 },
        steps: [`Stop the guest and save its memory (up to ${mebibytes(forecast)})`, 'End the VM'],
        subjects: [{ kind: 'vm', id: vmId, name: vm.name }],
        locks: { images: vm.disks.map(({ imageId }) => imageId), vms: [vmId] },
        unit: 'bytes',
        total: forecast,
        cancelNote: 'The guest goes on where it was.',
        lookedAt,
      });
    },
  };
};
