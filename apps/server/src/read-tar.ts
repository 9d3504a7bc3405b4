import type { FileHandle } from 'node:fs/promises';

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

/** As many bytes as there are. */
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

/** Of GNU tar's --sparse: what lies in the archive is a list of the pieces and these, and none of the holes. */
const isSparse = (record: string): boolean => /(?:^|\n)\d+ GNU\.sparse\./.test(record);

/** A header of a tar archive, and where what it tells of begins. */
export interface TarEntry {
  readonly name: string;
  /** `0`, a NUL or `7`: a file. `5`: a folder. Anything else is a link, a device, or of no concern. */
  readonly type: string;
  readonly size: number;
  readonly start: number;
  /** When it was changed last, in seconds. */
  readonly modified: number;
}

/** Bytes of the archive, as they are asked for. */
export async function* tarChunks(file: FileHandle, start: number, size: number): AsyncGenerator<Buffer> {
  const end = start + size;
  for (let at = start; at < end; ) {
    const chunk = await bytesAt(file, at, Math.min(256 * 1024, end - at));
    if (chunk.length === 0) return;
    yield chunk;
    at += chunk.length;
  }
}

/** One header after the other, to the end mark. Nothing but headers is read; `flaw` says in the caller's words what is wrong. */
export async function* readTar(file: FileHandle, flaw: (why: string) => Error): AsyncGenerator<TarEntry> {
  const { size: end } = await file.stat();
  let next: { path?: string; size?: number; sparse?: boolean } = {};
  for (let at = 0; at + blockSize <= end; ) {
    const head = await bytesAt(file, at, blockSize);
    if (head.every((byte) => byte === 0)) return;
    if (!isSound(head)) throw flaw('its directory is damaged.');
    const type = String.fromCharCode(head[156] ?? 0);
    const size = next.size ?? number(head, 124, 12);
    const start = at + blockSize;
    if (!Number.isSafeInteger(size) || size < 0 || start + size > end)
      throw flaw('it ends before its last file does. It may be incomplete.');
    if (type === 'x' || type === 'L') {
      if (size > longestName) throw flaw('its directory is damaged.');
      const record = (await bytesAt(file, start, size)).toString('utf8');
      next = { ...next, ...(type === 'x' ? paxFields(record) : { path: record.replace(/\0.*$/s, '') }) };
      if (type === 'x' && isSparse(record)) next.sparse = true;
    } else {
      const prefix = text(head, 345, 155);
      const name = next.path ?? (prefix === '' ? '' : `${prefix}/`) + text(head, 0, 100);
      if (type === 'S' || next.sparse === true)
        throw flaw(
          `“${name.slice(0, 200)}” is packed in it as a sparse file, without its holes. Pack it again without --sparse (-S).`,
        );
      yield { name, type, size, start, modified: number(head, 136, 12) };
      next = {};
    }
    at = start + Math.ceil(size / blockSize) * blockSize;
  }
  throw flaw('its end is missing. It may be incomplete.');
}

/** Of an entry of a tar: whether it is a file. */
export const isTarFile = ({ type }: TarEntry): boolean => type === '0' || type === '\0' || type === '7';
