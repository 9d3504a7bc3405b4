import type { TakeSnapshot, Vm } from '@strata/contract';
import { AppError } from '../../app-error.ts';

/** The disks that a snapshot is wished of; all of them where nothing is said. Throws where there are none to take. */
export const chosenDisks = (
  vm: Vm,
  { disks, memory }: Pick<TakeSnapshot, 'disks' | 'memory'>,
): Vm['disks'] => {
  const unknown = disks?.find((id) => !vm.disks.some((disk) => disk.id === id));
  if (unknown !== undefined) throw new AppError('not-found', `The VM has no disk ${unknown}.`);
  const chosen = vm.disks.filter(({ id }) => disks?.includes(id) ?? true);
  if (chosen.length === 0)
    throw new AppError('not-possible', 'The VM has no disk that a snapshot could be taken of.');
  if (memory && chosen.length < vm.disks.length)
    throw new AppError(
      'not-possible',
      'Memory belongs to all disks of the VM: with only some of them it would find others than it remembers. Take it of all disks, or without memory.',
    );
  return chosen;
};
