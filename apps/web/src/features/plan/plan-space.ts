import type { Plan } from '@strata/contract';

export interface PlanSpace {
  readonly mountPoint: string | null;
  readonly needed: number;
  /** Null: the file system does not say. */
  readonly free: number | null;
  readonly reserve: number;
}

/** Each file system that something grows on. */
export const spacesOf = (plan: Plan): readonly PlanSpace[] =>
  plan.spaces?.filter(({ needed }) => needed > 0) ?? [
    { mountPoint: null, needed: plan.freeSpaceNeeded, free: plan.freeSpace, reserve: 0 },
  ];

/** What may be used without asking. */
export const usableOf = ({ free, reserve }: PlanSpace): number | null =>
  free === null ? null : Math.max(0, free - reserve);

/** `reserve`: it fits, but only into what is kept free; `disk`: it does not fit at all. */
export const shortageOf = (plan: Plan): 'none' | 'reserve' | 'disk' => {
  const spaces = spacesOf(plan);
  if (spaces.some(({ needed, free }) => free !== null && needed > free)) return 'disk';
  const isShort = (space: PlanSpace): boolean => space.needed > (usableOf(space) ?? Number.POSITIVE_INFINITY);
  return spaces.some(isShort) ? 'reserve' : 'none';
};
