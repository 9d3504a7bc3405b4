import { type ExtentList, subtract, totalLength, union, widen } from '../extents.ts';
import type { Layer } from '../forest.ts';
import type { Allocation, ChainPlan } from '../plan.ts';

/** An entry of an L2 table (8 bytes) maps one cluster; an entry of a refcount block (2 bytes) counts one. */
const entryBytes = 8;
const countBytes = 2;

/** How many windows of this length the extents touch. They are sorted. */
function windowsTouched(extents: ExtentList, window: number): number {
  let count = 0;
  let last = -1;
  for (const [start, length] of extents) {
    const first = Math.max(Math.floor(start / window), last + 1);
    const end = Math.floor((start + length - 1) / window);
    if (end < first) continue;
    count += end - first + 1;
    last = end;
  }
  return count;
}

/**
 * By how much the file of a layer grows at the most when these ranges are written into it: whole clusters, and where
 * the format has clusters the tables that point to them. A table that is there already is counted all the same.
 * `zeroed`: what is marked as zeros; that takes tables and no data.
 */
export function growthOf(
  layer: Layer,
  written: ExtentList,
  allocation: Allocation,
  zeroed: ExtentList = [],
): ChainPlan['grows'] {
  const own = allocation.get(layer.id) ?? [];
  const { id, clusterSize: cluster } = layer;
  if (cluster === undefined) return { layer: id, bytes: totalLength(subtract(written, own)) };
  const fresh = subtract(widen(written, cluster), own);
  const data = totalLength(fresh);
  const tables = windowsTouched(union(fresh, zeroed), (cluster * cluster) / entryBytes) * cluster;
  if (tables === 0) return { layer: id, bytes: 0 };
  const counts = (1 + Math.ceil((data + tables) / ((cluster * cluster) / countBytes))) * cluster;
  return { layer: id, bytes: data + tables + counts };
}
