import type { OperationLocks } from './operations.types.ts';

const meets = (some: readonly string[], others: readonly string[]): boolean =>
  some.some((id) => others.includes(id));

/** Two operations may run together unless one changes what the other changes or reads, or both work on a VM. */
export const conflicts = (one: OperationLocks, other: OperationLocks): boolean =>
  meets(one.vms, other.vms) ||
  meets(one.images, other.images) ||
  meets(one.images, other.reads ?? []) ||
  meets(one.reads ?? [], other.images);

export const lockedImages = (locks: OperationLocks): readonly string[] => [
  ...locks.images,
  ...(locks.reads ?? []),
];
