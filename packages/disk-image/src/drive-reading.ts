import { readSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { Reading } from './header-reader.ts';

/** For the first bytes of each file, one after the other: of a header nothing but text and numbers is kept. */
const firstBytes = Buffer.allocUnsafeSlow(4096);

/** As many of the bytes as the file has. */
const fillSync = (fd: number, offset: number, length: number): Buffer => {
  const first = offset === 0 && length <= firstBytes.length;
  const buffer = first ? firstBytes.subarray(0, length) : Buffer.allocUnsafe(length);
  let filled = 0;
  for (let more = 1; more > 0 && filled < length; filled += more)
    more = readSync(fd, buffer, filled, length - filled, offset + filled);
  return buffer.subarray(0, filled);
};

const fill = async (handle: FileHandle, offset: number, length: number): Promise<Buffer> => {
  const buffer = Buffer.allocUnsafe(length);
  let filled = 0;
  for (let more = 1; more > 0 && filled < length; filled += more)
    more = (await handle.read(buffer, filled, length - filled, offset + filled)).bytesRead;
  return buffer.subarray(0, filled);
};

/** Gives a reading the bytes it asks for, by way of the thread pool. An error of the disk is thrown inside it. */
export const driveReading = async <Result>(handle: FileHandle, reading: Reading<Result>): Promise<Result> => {
  let step = reading.next();
  while (step.done !== true) {
    const [offset, length] = step.value;
    let bytes: Buffer;
    try {
      bytes = await fill(handle, offset, length);
    } catch (error) {
      step = reading.throw(error);
      continue;
    }
    step = reading.next(bytes);
  }
  return step.value;
};

/** The same at once, for a thread that may wait for the disk. */
export const driveReadingSync = <Result>(fd: number, reading: Reading<Result>): Result => {
  let step = reading.next();
  while (step.done !== true) {
    const [offset, length] = step.value;
    let bytes: Buffer;
    try {
      bytes = fillSync(fd, offset, length);
    } catch (error) {
      step = reading.throw(error);
      continue;
    }
    step = reading.next(bytes);
  }
  return step.value;
};
