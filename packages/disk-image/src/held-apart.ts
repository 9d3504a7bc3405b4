import type { HeaderSnapshot, Qcow2Header } from './image-header.types.ts';
import { openForReading } from './open-for-reading.ts';
import { batchEnd, offsetOf, type Table, words } from './qcow2-l2-tables.ts';
import { readImageHeader } from './read-image-header.ts';
import { readPiece } from './zero-scan.ts';

type Read = (offset: number, length: number) => Promise<Buffer>;
interface Found extends Table {
  owner: number;
}

/** An answer takes no longer than to read so much, and no more memory than 4 bytes for each cluster of the file. */
const mostTableBytes = 256 * 1024 ** 2;
const mostL1Bytes = 64 * 1024 ** 2;
const mostClusters = 8 * 1024 ** 2;
/** Owner of what several need, or the image as it is now; 0 is nobody. */
const shared = 1;

/** Whose each cluster of the file is. */
class Owners {
  readonly #clusterSize: number;
  readonly #owners: Uint32Array;

  constructor(fileSize: number, clusterSize: number) {
    this.#clusterSize = clusterSize;
    this.#owners = new Uint32Array(Math.ceil(fileSize / clusterSize));
  }

  /** What lies behind the end of the file takes nothing. */
  claim(offset: number, length: number, owner: number): void {
    const end = Math.min(this.#owners.length, Math.ceil((offset + length) / this.#clusterSize));
    for (let at = Math.floor(offset / this.#clusterSize); at < end; at += 1) {
      const before = this.#owners[at];
      this.#owners[at] = before === 0 || before === owner ? owner : shared;
    }
  }

  bytesOf(count: number): number[] {
    const bytes = new Array<number>(count).fill(0);
    for (const owner of this.#owners)
      if (owner > shared) bytes[owner] = (bytes[owner] ?? 0) + this.#clusterSize;
    return bytes;
  }
}

/** The L2 tables of all states, each once, in the order of the file; null: too many, or not where tables can be. */
const allTables = async (
  states: readonly { readonly l1: Qcow2Header['l1']; readonly owner: number }[],
  { clusterSize, fileSize, read }: { clusterSize: number; fileSize: number; read: Read },
): Promise<Found[] | null> => {
  const tables = new Map<number, Found>();
  for (const { l1, owner } of states) {
    const entries = words(await read(l1.offset, l1.entries * 8));
    for (let index = 0; index < entries.length; index += 2) {
      const offset = offsetOf(entries[index] ?? 0, entries[index + 1] ?? 0);
      if (offset === 0) continue;
      if (offset % clusterSize !== 0 || offset + clusterSize > fileSize) return null;
      const known = tables.get(offset);
      if (known === undefined) tables.set(offset, { offset, guest: 0, owner });
      else if (known.owner !== owner) known.owner = shared;
    }
    if (tables.size * clusterSize > mostTableBytes) return null;
  }
  return [...tables.values()].sort((one, other) => one.offset - other.offset);
};

/** Every cluster that an L2 table leads to; zeros that have a cluster, too. */
const claimMapped = (entries: Uint32Array, qcow2: Qcow2Header, owner: number, owners: Owners): void => {
  const clusterSize = 2 ** qcow2.clusterBits;
  // Compressed: so many bits tell where the data begins, the next ones how many sectors follow that one.
  const placeBits = 62 - (qcow2.clusterBits - 8) - 32;
  for (let index = 0; index < entries.length; index += qcow2.extendedL2 ? 4 : 2) {
    const [high = 0, low = 0] = [entries[index], entries[index + 1]];
    if ((high & 0x40000000) === 0) {
      const offset = offsetOf(high, low);
      if (offset !== 0) owners.claim(offset, clusterSize, owner);
      continue;
    }
    const place = (high & (2 ** placeBits - 1)) * 2 ** 32 + low;
    const more = (high & 0x3fffffff) >>> placeBits;
    owners.claim(place, (more + 1) * 512 - (place % 512), owner);
  }
};

/**
 * How many bytes of a qcow2 image are needed by one group of its internal snapshots alone: by none of another group,
 * and not by the image as it is now. That much is free when the group goes, saved memory and tables included. Null: it is
 * no such image, or its tables cannot be read, or not in bounded time.
 */
export const readHeldApart = async (
  path: string,
  groupOf: (snapshot: HeaderSnapshot) => string,
): Promise<ReadonlyMap<string, number> | null> => {
  const { handle, stat } = await openForReading(path);
  try {
    const { qcow2 } = await readImageHeader(handle);
    if (qcow2 === undefined || qcow2.dataFile !== null) return null;
    const clusterSize = 2 ** qcow2.clusterBits;
    const fileSize = Number(stat.size);
    const groups = [...new Set(qcow2.snapshots.map(groupOf))];
    const states = [
      { l1: qcow2.l1, owner: shared },
      ...qcow2.snapshots.map((one) => ({ l1: one.l1, owner: shared + 1 + groups.indexOf(groupOf(one)) })),
    ];
    const l1Bytes = states.reduce((sum, { l1 }) => sum + l1.entries * 8, 0);
    if (fileSize / clusterSize > mostClusters || l1Bytes > mostL1Bytes) return null;
    const read: Read = (offset, length) => readPiece(handle, [offset, length]);
    const tables = await allTables(states, { clusterSize, fileSize, read });
    if (tables === null) return null;
    const owners = new Owners(fileSize, clusterSize);
    for (const { l1, owner } of states) owners.claim(l1.offset, l1.entries * 8, owner);
    for (let first = 0; first < tables.length; ) {
      const end = batchEnd(tables, first, clusterSize);
      const begin = tables[first]?.offset ?? 0;
      const bytes = await read(begin, (tables[end - 1]?.offset ?? begin) + clusterSize - begin);
      for (const { offset, owner } of tables.slice(first, end)) {
        owners.claim(offset, clusterSize, owner);
        const at = offset - begin;
        claimMapped(words(bytes.subarray(at, at + clusterSize)), qcow2, owner, owners);
      }
      first = end;
    }
    const bytes = owners.bytesOf(shared + 1 + groups.length);
    return new Map(groups.map((group, index) => [group, bytes[shared + 1 + index] ?? 0]));
  } finally {
    await handle.close();
  }
};
