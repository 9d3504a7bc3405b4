import type { Snapshot, SnapshotTree } from '@strata/contract';

/** Every restore point of a tree, each before what continues from it. */
export function flatSnapshots({ tree }: Pick<SnapshotTree, 'tree'>): Snapshot[] {
  const all = [...tree];
  // What is pushed meanwhile is walked as well.
  for (const snapshot of all) all.push(...snapshot.children);
  return all;
}
