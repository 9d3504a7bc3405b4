import { lstat } from 'node:fs/promises';
import { RangeCollector, type Ranges, rangesOf } from '@strata/backing-chain';
import { walkQcow2Allocation } from '@strata/disk-image';
import { AppError } from '../../app-error.ts';
import { mapImage } from '../../qemu/qemu-img.ts';
import type { ImageRecord } from './image-record.ts';

export interface Held {
  readonly ranges: Ranges;
  /** False when the newest of it may be missing, or it was too much to tell. */
  readonly exact: boolean;
  /** Names this state of the file; null when it may still be changing, so that nothing can be kept by it. */
  readonly state: string | null;
}

/** A layer in more pieces than this is told as far as that goes rather than filling the memory. */
const mostPieces = 1_000_000;
const mostCachedBytes = 96 * 1024 ** 2;
/** A file may change twice within one tick of its time stamp. */
const tickMilliseconds = 50;

const fromQcow2 = async (path: string): Promise<{ ranges: Ranges; exact: boolean }> => {
  const found = new RangeCollector();
  const { problems } = await walkQcow2Allocation(path, (virtualSize) => ({
    get full() {
      return found.count >= mostPieces;
    },
    add: (start, length) => found.add(start, Math.min(start + length, virtualSize)),
  }));
  return { ranges: found.finish(), exact: problems.length === 0 };
};

/** A raw image holds what is not a hole of its file; the others have no backing, so all they tell is theirs. */
const fromQemuImg = async (
  { path, format, facts }: ImageRecord,
  inUse: boolean,
): Promise<{ ranges: Ranges; exact: boolean }> => {
  try {
    const entries = await mapImage({ path, format }, inUse);
    const headerless = format === 'raw' || format === 'iso';
    const held = entries.filter((entry) => (headerless ? entry.data : entry.present && entry.depth === 0));
    return { ranges: rangesOf(held.map(({ start, length }) => [start, length])), exact: true };
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'image-locked') throw error;
    // A VM writes it just now and lets nobody else look: at most all of it.
    return { ranges: rangesOf([[0, facts.virtualSize]]), exact: false };
  }
};

/** What layers hold themselves, read once for each state of a file; forgotten by size, the longest unused first. */
export class HeldRanges {
  private readonly cache = new Map<string, Held>();
  private readonly reading = new Map<string, Promise<Held>>();
  private cachedBytes = 0;

  /** `flushed`: a VM writes it, and has just written out what it held in memory. */
  async of(record: ImageRecord, flushed: boolean): Promise<Held> {
    const stat = await lstat(record.path, { bigint: true }).catch(() => null);
    if (stat === null) throw new AppError('image-unreadable', `${record.path} is gone.`);
    const state = [record.format, stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(':');
    const known = this.cache.get(state);
    if (known !== undefined) {
      this.cache.delete(state);
      this.cache.set(state, known);
      return known;
    }
    const settled = Number(stat.mtimeNs / 1_000_000n) + tickMilliseconds < Date.now();
    if (!settled) return this.read(record, flushed, null);
    const underway = this.reading.get(state) ?? this.read(record, flushed, state);
    this.reading.set(state, underway);
    return underway.finally(() => this.reading.delete(state));
  }

  private async read(record: ImageRecord, flushed: boolean, state: string | null): Promise<Held> {
    const qcow2 = record.format === 'qcow2';
    const found = await (qcow2 ? fromQcow2(record.path) : fromQemuImg(record, flushed));
    const held = { ...found, state: found.exact ? state : null };
    if (held.state !== null) this.keep(held.state, held);
    return held;
  }

  private keep(state: string, held: Held): void {
    this.cache.set(state, held);
    this.cachedBytes += held.ranges.byteLength;
    for (const [oldest, { ranges }] of this.cache) {
      if (this.cachedBytes <= mostCachedBytes) return;
      this.cache.delete(oldest);
      this.cachedBytes -= ranges.byteLength;
    }
  }
}
