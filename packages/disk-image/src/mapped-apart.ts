import type { HeaderProblem, Qcow2Header } from './image-header.types.ts';
import { openForReading } from './open-for-reading.ts';
import type { AllocationKind } from './qcow2-allocation.ts';
import { type PieceSink, readL2Tables } from './qcow2-l2-tables.ts';
import { readImageHeader } from './read-image-header.ts';
import { readPiece } from './zero-scan.ts';

/** What a qcow2 image shows: now (null), or inside the internal snapshot of this number. */
export type Qcow2State = string | null;

/** In bytes of the virtual disk; sorted, disjoint. */
export interface MappedApart {
  /** Where the two states may read differently, at most. */
  readonly extents: readonly (readonly [start: number, length: number])[];
  /** How long the disk is in each of them. */
  readonly sizes: readonly [number, number];
  /** Not empty: some of it is not known, and `extents` is the whole disk. */
  readonly problems: readonly HeaderProblem[];
}

interface Piece {
  readonly start: number;
  end: number;
  readonly kind: AllocationKind;
  readonly host: number;
}
const mostPieces = 1_000_000;

/** Which part of the file is shown where. */
class Mapping implements PieceSink {
  readonly pieces: Piece[] = [];

  get full(): boolean {
    return this.pieces.length >= mostPieces;
  }

  add(start: number, length: number, kind: AllocationKind, host: number): void {
    const last = this.pieces.at(-1);
    const follows =
      last !== undefined &&
      last.end === start &&
      last.kind === kind &&
      (kind !== 'data' || last.host + (start - last.start) === host);
    if (follows) last.end = start + length;
    else this.pieces.push({ start, end: start + length, kind, host });
  }
}

/** Both at one place of the disk: zeros, the same cluster, or what shines through from below. */
const isSame = (one: Piece | null, other: Piece | null): boolean => {
  if (one === null || other === null) return one === other;
  if (one.kind !== other.kind) return false;
  // Where compressed data lies is not told: it counts as different.
  return one.kind === 'zero' || (one.kind === 'data' && one.host - one.start === other.host - other.start);
};

const differing = (one: readonly Piece[], other: readonly Piece[], size: number): [number, number][] => {
  const found: [number, number][] = [];
  let [first, second] = [0, 0];
  for (let at = 0; at < size; ) {
    while ((one[first]?.end ?? size) <= at) first += 1;
    while ((other[second]?.end ?? size) <= at) second += 1;
    const [left, right] = [one[first], other[second]];
    const here = [left, right].map((piece) => (piece !== undefined && piece.start <= at ? piece : null));
    const borders = [left, right].map((piece, side) =>
      piece === undefined ? size : here[side] === null ? piece.start : piece.end,
    );
    const next = Math.min(size, ...borders);
    if (!isSame(here[0] ?? null, here[1] ?? null)) {
      const last = found.at(-1);
      if (last !== undefined && last[0] + last[1] === at) last[1] += next - at;
      else found.push([at, next - at]);
    }
    at = next;
  }
  return found;
};

/** Its L1 table, and how much of the disk that maps. A tag that claims more than the image has maps no more than that. */
const tableOf = (qcow2: Qcow2Header, virtualSize: number, state: Qcow2State) => {
  if (state === null) return { l1: qcow2.l1, size: virtualSize };
  const snapshot = qcow2.snapshots.find(({ id }) => id === state);
  if (snapshot === undefined) return null;
  return { l1: snapshot.l1, size: Math.min(snapshot.diskSize ?? virtualSize, virtualSize) };
};

/**
 * Where two states of one qcow2 image are mapped to different clusters: elsewhere they read the same, because a cluster
 * that both have is never written. Null: one of them is not there, or it is no image of that kind.
 */
export const readMappedApart = async (
  path: string,
  one: Qcow2State,
  other: Qcow2State,
): Promise<MappedApart | null> => {
  const { handle, stat } = await openForReading(path);
  try {
    const { qcow2, virtualSize } = await readImageHeader(handle);
    if (qcow2 === undefined || qcow2.dataFile !== null) return null;
    const tables = [one, other].map((state) => tableOf(qcow2, virtualSize, state));
    const [first, second] = tables;
    if (first == null || second == null) return null;
    const sizes = [first.size, second.size] as const;
    const read = (offset: number, length: number) => readPiece(handle, [offset, length]);
    const problems: HeaderProblem[] = [];
    const mappings: Mapping[] = [];
    for (const { l1, size } of [first, second]) {
      const mapping = new Mapping();
      const image = { qcow2: { ...qcow2, l1 }, virtualSize: size, fileSize: Number(stat.size) };
      problems.push(...(await readL2Tables(image, read, mapping)));
      mappings.push(mapping);
    }
    const [shorter, longer] = [Math.min(...sizes), Math.max(...sizes)];
    if (problems.length > 0) return { extents: [[0, longer]], sizes, problems };
    const extents = differing(mappings[0]?.pieces ?? [], mappings[1]?.pieces ?? [], shorter);
    return {
      extents: longer > shorter ? [...extents, [shorter, longer - shorter]] : extents,
      sizes,
      problems,
    };
  } finally {
    await handle.close();
  }
};
