import type { Vm } from '@strata/contract';
import type { OperationSubject } from '../operations/operations.types.ts';

/** What an operation on snapshots is about: their VM first. */
export const subjectsOf = (
  vm: Pick<Vm, 'id' | 'name'>,
  snapshots: readonly { readonly id: string; readonly name: string }[],
): OperationSubject[] => [
  { kind: 'vm', id: vm.id, name: vm.name },
  ...snapshots.map(({ id, name }): OperationSubject => ({ kind: 'snapshot', id, name })),
];
