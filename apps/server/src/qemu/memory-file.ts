import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '../app-error.ts';

/** What QEMU calls a migration stream: the device states and the memory of a guest, one after the other. */
const magic = 'QEVM';
/** A stream ends with a description of itself, in JSON. */
const lastByte = '}';

/** Throws unless the file begins and ends as QEMU writes one, with at least so many bytes. */
export const checkMemoryFile = async (path: string, atLeast: number): Promise<number> => {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const ends = Buffer.alloc(magic.length + 1);
    await file.read(ends, 0, magic.length, 0);
    await file.read(ends, magic.length, 1, Math.max(0, size - 1));
    if (size >= atLeast && ends.toString('latin1') === `${magic}${lastByte}`) return size;
    throw new AppError(
      'qemu-refused',
      `The saved memory is not whole: ${size} bytes of at least ${atLeast} arrived.`,
    );
  } finally {
    await file.close();
  }
};

/** Makes a complete file durable, and only then gives it its name. Again for one that has it already. */
export const publishMemoryFile = async (draft: string, path: string): Promise<void> => {
  const file = await open(draft, 'r').catch(() => open(path, 'r'));
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
};
