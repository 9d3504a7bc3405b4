import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ChainPlan, Forest } from '@strata/backing-chain';
import type { Plan } from '@strata/contract';
import { mountPointOf } from '../../mount-point.ts';
import { type FreeSpace, freeSpaceIn, spendable } from '../../space-reserve.ts';

/** Of the file system that holds a file; null when it does not say. */
export const freeSpaceAt = (path: string): Promise<FreeSpace | null> => freeSpaceIn(dirname(path));

/** What may be used of it; null when it is not known. */
export const spendableOf = (
  { free, reserve }: Pick<SpaceNeeded, 'free' | 'reserve'>,
  useReserve = false,
): number | null => (free === null ? null : spendable({ free, reserve }, useReserve));

export interface Growth {
  readonly path: string;
  readonly bytes: number;
}

/** What one file system has to give. */
export type SpaceNeeded = NonNullable<Plan['spaces']>[number];

/** The files that a plan makes grow, each by how much at the most. */
export const growthsOf = (forest: Forest, plan: ChainPlan): Growth[] =>
  (plan.parts ?? [plan]).flatMap(({ grows, relocates }) => {
    const path = relocates?.to ?? forest.layers.get(grows.layer)?.path;
    return path === undefined ? [] : [{ path, bytes: grows.bytes }];
  });

const deviceOf = async (path: string): Promise<string> => {
  try {
    return String((await stat(path, { bigint: true })).dev);
  } catch {
    return path;
  }
};

const margin = (space: SpaceNeeded): number => {
  const free = spendableOf(space);
  return free === null ? Number.POSITIVE_INFINITY : free - space.needed;
};

/** What all growth needs on each file system, the one where the least would be left first. */
export const spacesNeeded = async (
  growths: readonly Growth[],
  freeSpace: (path: string) => Promise<FreeSpace | null>,
): Promise<SpaceNeeded[]> => {
  const byDevice = new Map<string, Growth>();
  for (const { path, bytes } of growths) {
    const device = await deviceOf(path);
    byDevice.set(device, { path, bytes: bytes + (byDevice.get(device)?.bytes ?? 0) });
  }
  const spaces = await Promise.all(
    [...byDevice.values()].map(async ({ path, bytes }) => ({
      mountPoint: (await mountPointOf(path)) ?? dirname(path),
      needed: bytes,
      ...((await freeSpace(path)) ?? { free: null, reserve: 0 }),
    })),
  );
  return spaces.sort((one, other) => margin(one) - margin(other));
};
