import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';

/** The end of a file, at most so many bytes; empty when there is none. */
export const readEnd = (path: string, most: number): { bytes: Buffer; truncated: boolean } => {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return { bytes: Buffer.alloc(0), truncated: false };
  }
  try {
    const { size } = fstatSync(file);
    const length = Math.min(size, most);
    const bytes = Buffer.alloc(length);
    const read = readSync(file, bytes, 0, length, size - length);
    return { bytes: bytes.subarray(0, read), truncated: size > most };
  } finally {
    closeSync(file);
  }
};

/**
 * Shortens a file that another process appends to: its end is kept in `<path>.old`, the file begins anew. The
 * writer has it open with O_APPEND and goes on at the new end. What it writes in the instant between is lost.
 */
export const rotate = (path: string, keep: number): void => {
  const { bytes } = readEnd(path, keep);
  const old = openSync(`${path}.old`, 'w', 0o600);
  try {
    writeSync(old, bytes);
  } finally {
    closeSync(old);
  }
  const file = openSync(path, 'r+');
  try {
    ftruncateSync(file, 0);
  } finally {
    closeSync(file);
  }
};

const sizeOf = (path: string): number => {
  try {
    const file = openSync(path, 'r');
    try {
      return fstatSync(file).size;
    } finally {
      closeSync(file);
    }
  } catch {
    return 0;
  }
};

/** Rotates a log that has grown beyond its bound. */
export const bound = (path: string, most: number): void => {
  if (sizeOf(path) > most) rotate(path, most);
};

/** The end of a log across a rotation. */
export const readLogEnd = (path: string, most: number): { bytes: Buffer; truncated: boolean } => {
  const now = readEnd(path, most);
  if (now.bytes.length >= most) return now;
  const before = readEnd(`${path}.old`, most - now.bytes.length);
  return { bytes: Buffer.concat([before.bytes, now.bytes]), truncated: before.truncated };
};
