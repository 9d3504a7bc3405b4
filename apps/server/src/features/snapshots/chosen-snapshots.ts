import type { DeleteSnapshots } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import type { StoredSnapshot } from './snapshots.types.ts';

type Wish = Pick<DeleteSnapshots, 'snapshots' | 'between' | 'keepLast'>;

/** From a snapshot up to the first of its branch. A parent that is gone ends it. */
const branchOf = (byId: ReadonlyMap<string, StoredSnapshot>, id: string | null): StoredSnapshot[] => {
  const branch: StoredSnapshot[] = [];
  for (let next = id === null ? undefined : byId.get(id); next !== undefined && !branch.includes(next); ) {
    branch.push(next);
    next = next.parentId === null ? undefined : byId.get(next.parentId);
  }
  return branch;
};

const between = (
  byId: ReadonlyMap<string, StoredSnapshot>,
  demand: (id: string) => StoredSnapshot,
  wish: NonNullable<Wish['between']>,
): StoredSnapshot[] => {
  const [from, to] = [demand(wish.from), demand(wish.to)];
  for (const [end, start] of [
    [to, from],
    [from, to],
  ] as const) {
    const branch = branchOf(byId, end.id);
    const depth = branch.indexOf(start);
    if (depth > 0) return branch.slice(1, depth);
  }
  throw new AppError(
    'not-possible',
    `“${from.name}” and “${to.name}” are not two snapshots of one branch: nothing lies between them.`,
  );
};

/** Which snapshots a request means, newest first; maybe none. Throws `not-found`. */
export const chosenSnapshots = (
  all: readonly StoredSnapshot[],
  current: string | null,
  wish: Wish,
): StoredSnapshot[] => {
  const byId = new Map(all.map((snapshot) => [snapshot.id, snapshot]));
  const demand = (id: string): StoredSnapshot => {
    const snapshot = byId.get(id);
    if (snapshot === undefined) throw new AppError('not-found', `The VM has no snapshot ${id}.`);
    return snapshot;
  };
  if (wish.snapshots !== undefined) return [...new Set(wish.snapshots)].map(demand);
  return wish.between === undefined
    ? branchOf(byId, current).slice(wish.keepLast ?? 0)
    : between(byId, demand, wish.between);
};

/** Why a wish means none at all, in words. */
export const noneMeant = ({ between: ends, keepLast = 0 }: Wish): string => {
  if (ends !== undefined) return 'There is no snapshot between these two: nothing is deleted.';
  const few = keepLast === 1 ? 'more than one snapshot' : `more than ${keepLast} snapshots`;
  return `The branch on which the VM is now does not have ${keepLast === 0 ? 'a snapshot' : few}: nothing is deleted.`;
};
