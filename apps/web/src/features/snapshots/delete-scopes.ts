import type { DeleteSnapshots, Snapshot } from '@strata/contract';

/** Which restore points a deletion means. */
export type DeleteScope = 'these' | 'between' | 'older';

export type DeleteWish = Pick<DeleteSnapshots, 'snapshots' | 'between' | 'keepLast'>;

/** From a snapshot up to the first of its branch. */
export function branchUp(byId: ReadonlyMap<string, Snapshot>, id: string | null): Snapshot[] {
  const branch: Snapshot[] = [];
  for (let next = byId.get(id ?? ''); next !== undefined; next = byId.get(next.parentId ?? ''))
    branch.push(next);
  return branch;
}

/** Those that lie between two of one branch, newest first; null where two are not of one branch. */
export function betweenOf(
  byId: ReadonlyMap<string, Snapshot>,
  a: Snapshot,
  b: Snapshot,
): readonly Snapshot[] | null {
  for (const [upper, lower] of [
    [a, b],
    [b, a],
  ] as const) {
    const branch = branchUp(byId, lower.id);
    const depth = branch.indexOf(upper);
    if (depth > 0) return branch.slice(1, depth);
  }
  return null;
}
