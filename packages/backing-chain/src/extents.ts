/** Start and length, in bytes of the virtual disk. */
export type Extent = readonly [start: number, length: number];

/** Sorted, disjoint, non-empty extents; neighbours that touch are joined. */
export type ExtentList = readonly Extent[];

/** Any extents, in any order and overlapping, as an {@link ExtentList}. */
export function normalize(extents: readonly Extent[]): ExtentList {
  return joinNeighbours(extents.filter(([, length]) => length > 0).sort((a, b) => a[0] - b[0]));
}

/** Joins extents that touch or overlap; they must be sorted by start. */
export function joinNeighbours(sorted: readonly Extent[]): ExtentList {
  const joined: [number, number][] = [];
  for (const [start, length] of sorted) {
    if (length <= 0) continue;
    const last = joined.at(-1);
    if (last !== undefined && start <= last[0] + last[1])
      last[1] = Math.max(last[1], start + length - last[0]);
    else joined.push([start, length]);
  }
  return joined;
}

export function union(a: ExtentList, b: ExtentList): ExtentList {
  const merged: Extent[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const left = a[i];
    const right = b[j];
    if (right === undefined || (left !== undefined && left[0] <= right[0])) {
      if (left !== undefined) merged.push(left);
      i += 1;
    } else {
      merged.push(right);
      j += 1;
    }
  }
  return joinNeighbours(merged);
}

export function intersect(a: ExtentList, b: ExtentList): ExtentList {
  const common: Extent[] = [];
  let i = 0;
  let j = 0;
  for (let left = a[0], right = b[0]; left !== undefined && right !== undefined; left = a[i], right = b[j]) {
    const start = Math.max(left[0], right[0]);
    const leftEnd = left[0] + left[1];
    const rightEnd = right[0] + right[1];
    const end = Math.min(leftEnd, rightEnd);
    if (end > start) common.push([start, end - start]);
    if (leftEnd <= rightEnd) i += 1;
    else j += 1;
  }
  return joinNeighbours(common);
}

/** What is in `a` and not in `b`. */
export function subtract(a: ExtentList, b: ExtentList): ExtentList {
  const rest: Extent[] = [];
  let j = 0;
  for (const [start, length] of a) {
    const end = start + length;
    let at = start;
    for (let hole = b[j]; hole !== undefined && hole[0] < end; hole = b[j]) {
      const holeEnd = hole[0] + hole[1];
      if (hole[0] > at) rest.push([at, hole[0] - at]);
      at = Math.max(at, Math.min(holeEnd, end));
      // A hole that reaches beyond this extent is needed again for the next one.
      if (holeEnd > end) break;
      j += 1;
    }
    if (at < end) rest.push([at, end - at]);
  }
  return rest;
}

/** Bytes. */
export function totalLength(extents: ExtentList): number {
  let sum = 0;
  for (const [, length] of extents) sum += length;
  return sum;
}

/** What lies in [start, end). */
export const clip = (extents: ExtentList, start: number, end: number): ExtentList =>
  end > start ? intersect(extents, [[start, end - start]]) : [];

/** Each extent widened to whole blocks (clusters of an image). */
export function widen(extents: ExtentList, block: number): ExtentList {
  return joinNeighbours(
    extents.map(([start, length]) => {
      const from = Math.floor(start / block) * block;
      return [from, Math.ceil((start + length) / block) * block - from];
    }),
  );
}
