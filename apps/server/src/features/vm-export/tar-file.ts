import { createReadStream } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';

const block = 512;

/** Sizes that eleven octal digits cannot hold are written in binary, as GNU tar does. */
const sizeField = (size: number): Buffer => {
  const field = Buffer.alloc(12);
  if (size < 8 ** 11) field.write(size.toString(8).padStart(11, '0'), 'latin1');
  else {
    field.writeUInt8(0x80, 0);
    field.writeBigUInt64BE(BigInt(size), 4);
  }
  return field;
};

/** Of a plain file; names are ours: short, and without anything that a header could take for something else. */
export const tarHeader = (name: string, size: number): Buffer => {
  const header = Buffer.alloc(block);
  header.write(name, 0, 100, 'latin1');
  header.write('0000644\0', 100, 'latin1');
  header.write('0000000\0', 108, 'latin1');
  header.write('0000000\0', 116, 'latin1');
  sizeField(size).copy(header, 124);
  header.write('00000000000\0', 136, 'latin1');
  header.write('        ', 148, 'latin1');
  header.write('0', 156, 'latin1');
  header.write('ustar\u000000', 257, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
};

const padding = (size: number): Buffer => Buffer.alloc((block - (size % block)) % block);

export interface TarEntry {
  readonly name: string;
  readonly content: string | { readonly path: string };
}

const append = async (file: FileHandle, { name, content }: TarEntry, signal: AbortSignal): Promise<void> => {
  if (typeof content === 'string') {
    const bytes = Buffer.from(content);
    await file.write(Buffer.concat([tarHeader(name, bytes.length), bytes, padding(bytes.length)]));
    return;
  }
  const { size } = await stat(content.path);
  await file.write(tarHeader(name, size));
  for await (const piece of createReadStream(content.path, { highWaterMark: 1024 ** 2, signal }))
    await file.write(piece as Buffer);
  await file.write(padding(size));
};

/** One file after the other, in this order; memory stays flat. */
export const writeTar = async (
  path: string,
  entries: readonly TarEntry[],
  signal: AbortSignal,
): Promise<void> => {
  const file = await open(path, 'w', 0o600);
  try {
    for (const entry of entries) await append(file, entry, signal);
    await file.write(Buffer.alloc(2 * block));
  } finally {
    await file.close();
  }
};
