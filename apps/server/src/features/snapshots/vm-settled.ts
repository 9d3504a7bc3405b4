import type { Vm } from '@strata/contract';
import { AppError } from '../../app-error.ts';

const unusable: Partial<Record<Vm['state'], string>> = {
  starting: 'The VM is starting. Wait a moment.',
  stopping: 'The VM is shutting down. Wait until it is off, or power it off.',
};

/** Throws while its disks are about to be opened or closed. */
export const demandStill = (vm: Vm): void => {
  const words = unusable[vm.state];
  if (words !== undefined) throw new AppError('vm-busy', words);
};

/** The same while a saved memory waits for them. */
export const demandSettled = (vm: Vm): void => {
  demandStill(vm);
  if (vm.state === 'suspended')
    throw new AppError(
      'vm-suspended',
      'The VM is suspended: its memory waits for exactly these disks. Resume it first.',
    );
};
