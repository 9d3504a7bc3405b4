import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { crc32, createInflateRaw } from 'node:zlib';
import { archiveFlaw } from './archive-flaw.ts';
import { type Bundle, type BundleEntry, mostEntries } from './bundle.types.ts';

const endSignature = 0x06054b50;
const end64Signature = 0x06064b50;
const entrySignature = 0x02014b50;
const localSignature = 0x04034b50;
/** With the longest comment. */
const longestEnd = 65_557;
const mostDirectoryBytes = 16 * 1024 ** 2;

interface Entry {
  readonly name: string;
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  readonly at: number;
}

const bytesAt = async (file: FileHandle, at: number, length: number): Promise<Buffer> => {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, at);
  return buffer.subarray(0, bytesRead);
};

const directoryOf = async (file: FileHandle, filename: string) => {
  const { size } = await file.stat();
  const tail = await bytesAt(file, Math.max(0, size - longestEnd), Math.min(size, longestEnd));
  const at = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (at < 0 || at + 22 > tail.length || tail.readUInt32LE(at) !== endSignature)
    throw archiveFlaw(filename, 'its end is missing. It may be incomplete.');
  const small = {
    count: tail.readUInt16LE(at + 10),
    length: tail.readUInt32LE(at + 12),
    start: tail.readUInt32LE(at + 16),
  };
  const isLarge = small.count === 0xffff || small.length === 0xffffffff || small.start === 0xffffffff;
  if (!isLarge) return small;
  if (at < 20) throw archiveFlaw(filename, 'its directory is damaged.');
  const large = await bytesAt(file, Number(tail.readBigUInt64LE(at - 20 + 8)), 56);
  if (large.length < 56 || large.readUInt32LE(0) !== end64Signature)
    throw archiveFlaw(filename, 'its directory is damaged.');
  return {
    count: Number(large.readBigUInt64LE(32)),
    length: Number(large.readBigUInt64LE(40)),
    start: Number(large.readBigUInt64LE(48)),
  };
};

/** What does not fit 32 bits stands in the extra field 1, in this order. */
const largeNumbers = (extra: Buffer, wanted: readonly number[]): number[] => {
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue;
    let next = at + 4;
    return wanted.map((value) => {
      if (value !== 0xffffffff || next + 8 > extra.length) return value;
      next += 8;
      return Number(extra.readBigUInt64LE(next - 8));
    });
  }
  return [...wanted];
};

const readDirectory = async (file: FileHandle, filename: string): Promise<Entry[]> => {
  const { count, length, start } = await directoryOf(file, filename);
  if (count > mostEntries || length > mostDirectoryBytes)
    throw archiveFlaw(filename, 'it holds more than 10,000 files.');
  const directory = await bytesAt(file, start, length);
  const entries: Entry[] = [];
  for (let at = 0; entries.length < count; ) {
    if (at + 46 > directory.length || directory.readUInt32LE(at) !== entrySignature)
      throw archiveFlaw(filename, 'its directory is damaged.');
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) =>
      directory.readUInt16LE(at + field),
    ) as [number, number, number];
    const end = at + 46 + nameLength + extraLength + commentLength;
    const name = directory.toString('utf8', at + 46, at + 46 + nameLength);
    const extra = directory.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength);
    const plain = [24, 20, 42].map((field) => directory.readUInt32LE(at + field));
    const [size = 0, packed = 0, place = 0] = largeNumbers(extra, plain);
    if ((directory.readUInt16LE(at + 8) & 1) !== 0)
      throw archiveFlaw(filename, `“${name.slice(0, 100)}” in it is encrypted.`);
    const method = directory.readUInt16LE(at + 10);
    entries.push({ name, method, crc: directory.readUInt32LE(at + 16), packed, size, at: place });
    at = end;
  }
  return entries;
};

/** Where the data of an entry begins: its local header has a name and an extra field of its own. */
const dataStart = async (file: FileHandle, { at }: Entry, filename: string): Promise<number> => {
  const head = await bytesAt(file, at, 30);
  if (head.length < 30 || head.readUInt32LE(0) !== localSignature)
    throw archiveFlaw(filename, 'its directory leads to no file.');
  return at + 30 + head.readUInt16LE(26) + head.readUInt16LE(28);
};

async function* unpackEntry(
  path: string,
  file: FileHandle,
  entry: Entry,
  filename: string,
): AsyncGenerator<Buffer> {
  const name = entry.name.slice(0, 100);
  if (entry.method !== 0 && entry.method !== 8)
    throw archiveFlaw(filename, `“${name}” in it is packed by a method that Strata does not know.`);
  const start = await dataStart(file, entry, filename);
  if (entry.packed === 0) return;
  const source = createReadStream(path, { start, end: start + entry.packed - 1, highWaterMark: 256 * 1024 });
  const unpacked = entry.method === 0 ? source : source.pipe(createInflateRaw({ chunkSize: 256 * 1024 }));
  source.once('error', (error) => unpacked.destroy(error));
  let [crc, size] = [0, 0];
  try {
    for await (const chunk of unpacked as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > entry.size) throw archiveFlaw(filename, `“${name}” in it is larger than it says.`);
      crc = crc32(chunk, crc);
      yield chunk;
    }
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    throw code.startsWith('Z_') ? archiveFlaw(filename, `“${name}” in it is damaged.`, error) : error;
  } finally {
    source.destroy();
    unpacked.destroy();
  }
  if (size !== entry.size || crc !== entry.crc)
    throw archiveFlaw(filename, `“${name}” in it does not have the check sum that the archive gives.`);
}

/** The files in a zip archive, as its directory at the end names them. */
export const openZip = async (path: string, filename: string): Promise<Bundle> => {
  const file = await open(path, 'r');
  try {
    const entries = (await readDirectory(file, filename))
      .filter(({ name }) => !name.endsWith('/'))
      .map(
        (entry): BundleEntry => ({
          name: entry.name,
          size: entry.size,
          open: () => unpackEntry(path, file, entry, filename),
        }),
      );
    return { entries, close: () => file.close() };
  } catch (error) {
    await file.close();
    throw error instanceof RangeError ? archiveFlaw(filename, 'its directory is damaged.', error) : error;
  }
};
