import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ChainPlan, Forest } from '@strata/backing-chain';
import type { Plan } from '@strata/contract';
import { mountPointOf } from '../../mount-point.ts';

/**
 * What operations leave free, so that guests, the database and the host go on when an estimate was wrong
 * (security.md, DATA-11). Who has to merge layers because the disk is nearly full can say so, and use it.
 */
export const reserveOf = (totalBytes: number): number =>
  Math.max(2 * 1024 ** 3, Math.ceil(totalBytes * 0.05));

export interface FreeSpace {
  readonly free: number;
  readonly reserve: number;
}

/** Of the file system that holds a file; null when it does not say. */
export const freeSpaceAt = async (path: string): Promise<FreeSpace | null> => {
  try {
    const { bavail, blocks, bsize } = await statfs(dirname(path));
    return { free: bavail * bsize, reserve: reserveOf(blocks * bsize) };
  } catch {
    return null;
  }
};

/** What may be used of it without asking. */
export const spendable = ({ free, reserve }: Pick<SpaceNeeded, 'free' | 'reserve'>): number | null =>
  free === null ? null : Math.max(0, free - reserve);

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
  const free = spendable(space);
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
