import { open } from 'node:fs/promises';
import { extname } from 'node:path';
import type { ArrivalFormat } from '@strata/contract';
import { AppError } from '../../../app-error.ts';

/** One compressed file. */
export type PackedKind = 'gz' | 'xz' | 'zst';
/** Several files. */
export type BundleKind = 'zip' | 'tar' | 'ovf';
export type ArchiveKind = PackedKind | BundleKind;

const byName: Readonly<Record<string, ArchiveKind>> = {
  '.gz': 'gz',
  '.tgz': 'gz',
  '.xz': 'xz',
  '.txz': 'xz',
  '.zst': 'zst',
  '.zip': 'zip',
  '.tar': 'tar',
  '.ova': 'tar',
  '.ovf': 'ovf',
};

const words: Readonly<Record<ArchiveKind, string>> = {
  gz: 'a gzip archive',
  xz: 'an xz archive',
  zst: 'a Zstandard archive',
  zip: 'a zip archive',
  tar: 'a tar archive',
  ovf: 'an OVF description',
};

const startsWith = (head: Buffer, ...bytes: number[]): boolean =>
  bytes.every((byte, at) => head[at] === byte);

const byContent = (head: Buffer): ArchiveKind | null => {
  if (startsWith(head, 0x1f, 0x8b, 0x08)) return 'gz';
  if (startsWith(head, 0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00)) return 'xz';
  if (startsWith(head, 0x28, 0xb5, 0x2f, 0xfd)) return 'zst';
  if (startsWith(head, 0x50, 0x4b, 0x03, 0x04)) return 'zip';
  if (head.toString('latin1', 257, 262) === 'ustar') return 'tar';
  return null;
};

const headOf = async (path: string): Promise<Buffer> => {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(512), 0, 512, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
};

/** `disk.img.xz` → `disk.img`; `box.tgz` → `box.tar`. */
export const unpackedName = (filename: string): string =>
  /\.t[gx]z$/i.test(filename) ? filename.replace(/\.t[gx]z$/i, '.tar') : filename.replace(/\.[^.]+$/, '');

/**
 * Whether a file is an archive: its name and its content must say the same. What was declared to be an image and is
 * not called an archive is an image, whatever it begins with.
 */
export const archiveKind = async (
  path: string,
  filename: string,
  declared: ArrivalFormat | null,
): Promise<ArchiveKind | null> => {
  const promised = byName[extname(filename).toLowerCase()] ?? null;
  if (promised === 'ovf') return 'ovf';
  const found = byContent(await headOf(path));
  if (promised === found) return found;
  if (promised !== null)
    throw new AppError(
      'image-refused',
      `“${filename}” cannot be taken in: by its name it is ${words[promised]}, but it is none. It may be incomplete.`,
    );
  if (found === null || declared !== null) return null;
  throw new AppError(
    'image-refused',
    `“${filename}” cannot be taken in: by its content it is ${words[found]}, though it is not called so. Rename it, or say what format it is.`,
  );
};
