import { createHash } from 'node:crypto';
import { closeSync, readSync } from 'node:fs';
import { openForReadingSync } from '@strata/disk-image';

/*
 * By what a file is known again after it was moved or copied: its first 64 KiB, where headers, tables and partition
 * tables lie, and 32 places spread evenly over the rest, its end included. Of each place the digest is kept, of a place
 * that holds zeros only nothing. Not a proof by itself: a change between the places goes unseen.
 */

const headBytes = 64 * 1024;
const placeBytes = 4096;
const places = 32;

export interface ContentSample {
  readonly fileSize: number;
  readonly head: string;
  /** Empty: only zeros there. */
  readonly places: readonly string[];
}

const zeros = Buffer.alloc(headBytes);

const digest = (bytes: Buffer): string =>
  bytes.equals(zeros.subarray(0, bytes.length))
    ? ''
    : createHash('sha256').update(bytes).digest('base64url').slice(0, 16);

const offsets = (size: number): number[] => {
  const last = Math.max(0, size - placeBytes);
  return Array.from({ length: places }, (_, index) => Math.floor((last * (index + 1)) / places));
};

/** Null when the file cannot be read. For a thread that may wait for the disk. */
export const sampleContentSync = (path: string): ContentSample | null => {
  let fd: number | undefined;
  try {
    const opened = openForReadingSync(path);
    fd = opened.fd;
    const buffer = Buffer.alloc(headBytes);
    const read = (at: number, length: number): string =>
      digest(buffer.subarray(0, readSync(opened.fd, buffer, 0, length, at)));
    const fileSize = Number(opened.stat.size);
    const head = read(0, headBytes);
    return { fileSize, head, places: offsets(fileSize).map((at) => read(at, placeBytes)) };
  } catch {
    return null;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
};

export interface SampleComparison {
  readonly same: boolean;
  /** Places that hold something in at least one of the two, and those of them that differ. */
  readonly compared: number;
  readonly different: number;
}

/** Null: files of different size have different places. */
export const compareSamples = (one: ContentSample, other: ContentSample): SampleComparison | null => {
  if (one.fileSize !== other.fileSize) return null;
  const pairs = [[one.head, other.head], ...one.places.map((place, at) => [place, other.places[at] ?? ''])];
  const telling = pairs.filter(([left, right]) => left !== '' || right !== '');
  const different = telling.filter(([left, right]) => left !== right).length;
  return { same: different === 0 && telling.length > 0, compared: telling.length, different };
};
