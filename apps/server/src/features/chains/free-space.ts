import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ChainPlan, Forest } from '@strata/backing-chain';

const reserveAtMost = 2 * 1024 ** 3;

/**
 * What an operation may use of the file system that holds a file: the free bytes without a reserve (2 GiB, on small
 * file systems 5 %), so that guests, the database and the host go on when the estimate was wrong.
 * Null when the file system does not say.
 */
export const spendableSpace = async (path: string): Promise<number | null> => {
  try {
    const { bavail, blocks, bsize } = await statfs(dirname(path));
    const reserve = Math.min(reserveAtMost, Math.floor(blocks * bsize * 0.05));
    return Math.max(0, bavail * bsize - reserve);
  } catch {
    return null;
  }
};

export interface Growth {
  readonly path: string;
  readonly bytes: number;
}

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

/** What all growth needs on the file system where the least would be left. */
export const tightestSpace = async (
  growths: readonly Growth[],
  freeSpace: (path: string) => Promise<number | null>,
): Promise<{ freeSpaceNeeded: number; freeSpace: number | null }> => {
  const byDevice = new Map<string, Growth>();
  for (const { path, bytes } of growths) {
    const device = await deviceOf(path);
    byDevice.set(device, { path, bytes: bytes + (byDevice.get(device)?.bytes ?? 0) });
  }
  const spaces = await Promise.all(
    [...byDevice.values()].map(async ({ path, bytes }) => ({
      freeSpaceNeeded: bytes,
      freeSpace: await freeSpace(path),
    })),
  );
  const margin = (space: { freeSpaceNeeded: number; freeSpace: number | null }) =>
    space.freeSpace === null ? Number.POSITIVE_INFINITY : space.freeSpace - space.freeSpaceNeeded;
  return spaces.sort((a, b) => margin(a) - margin(b))[0] ?? { freeSpaceNeeded: 0, freeSpace: null };
};
