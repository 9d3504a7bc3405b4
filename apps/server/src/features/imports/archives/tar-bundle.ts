import { type FileHandle, open } from 'node:fs/promises';
import { archiveFlaw } from './archive-flaw.ts';
import { type Bundle, type BundleEntry, mostEntries } from './bundle.types.ts';

const blockSize = 512;
const longestName = 64 * 1024;

const text = (block: Buffer, start: number, length: number): string => {
  const field = block.subarray(start, start + length);
  const end = field.indexOf(0);
  return (end < 0 ? field : field.subarray(0, end)).toString('utf8');
};

/** Octal, or binary with its first bit set where octal is too short. */
const number = (block: Buffer, start: number, length: number): number => {
  if (((block[start] ?? 0) & 0x80) === 0) return Number.parseInt(text(block, start, length).trim() || '0', 8);
  let value = 0n;
  for (let at = start + 1; at < start + length; at += 1) value = (value << 8n) | BigInt(block[at] ?? 0);
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.NaN : Number(value);
};

const isSound = (block: Buffer): boolean => {
  let sum = 0;
  for (const [at, byte] of block.entries()) sum += at >= 148 && at < 156 ? 0x20 : byte;
  return sum === number(block, 148, 8);
};

const bytesAt = async (file: FileHandle, at: number, length: number): Promise<Buffer> => {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at);
  return buffer.subarray(0, bytesRead);
};

/** `27 path=a/b\n`, one after the other; of these only the name and the size concern us. */
const paxFields = (record: string): { path?: string; size?: number } => {
  const path = /(?:^|\n)\d+ path=([^\n]*)/.exec(record)?.[1];
  const size = /(?:^|\n)\d+ size=(\d+)/.exec(record)?.[1];
  return { ...(path === undefined ? {} : { path }), ...(size === undefined ? {} : { size: Number(size) }) };
};

async function* chunksOf(file: FileHandle, start: number, size: number): AsyncGenerator<Buffer> {
  const end = start + size;
  for (let at = start; at < end; ) {
    const chunk = await bytesAt(file, at, Math.min(256 * 1024, end - at));
    if (chunk.length === 0) return;
    yield chunk;
    at += chunk.length;
  }
}

const readEntries = async (file: FileHandle, filename: string): Promise<BundleEntry[]> => {
  const { size: end } = await file.stat();
  const entries: BundleEntry[] = [];
  let next: { path?: string; size?: number } = {};
  for (let at = 0; at + blockSize <= end; ) {
    const head = await bytesAt(file, at, blockSize);
    if (head.every((byte) => byte === 0)) return entries;
    if (!isSound(head)) throw archiveFlaw(filename, 'its directory is damaged.');
    const type = String.fromCharCode(head[156] ?? 0);
    const size = next.size ?? number(head, 124, 12);
    const start = at + blockSize;
    if (!Number.isSafeInteger(size) || size < 0 || start + size > end)
      throw archiveFlaw(filename, 'it ends before its last file does. It may be incomplete.');
    if (type === 'x' || type === 'L') {
      if (size > longestName) throw archiveFlaw(filename, 'its directory is damaged.');
      const record = (await bytesAt(file, start, size)).toString('utf8');
      next = { ...next, ...(type === 'x' ? paxFields(record) : { path: record.replace(/\0.*$/s, '') }) };
    } else {
      const prefix = text(head, 345, 155);
      const name = next.path ?? (prefix === '' ? '' : `${prefix}/`) + text(head, 0, 100);
      // Links, devices and folders are nothing to take in.
      if (type === '0' || type === '\0' || type === '7')
        entries.push({ name, size, open: () => chunksOf(file, start, size) });
      next = {};
    }
    if (entries.length > mostEntries) throw archiveFlaw(filename, 'it holds more than 10,000 files.');
    at = start + Math.ceil(size / blockSize) * blockSize;
  }
  throw archiveFlaw(filename, 'its end is missing. It may be incomplete.');
};

/** The files in a tar archive, which an OVA is. Only its headers are read. */
export const openTar = async (path: string, filename: string): Promise<Bundle> => {
  const file = await open(path, 'r');
  try {
    return { entries: await readEntries(file, filename), close: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
};
