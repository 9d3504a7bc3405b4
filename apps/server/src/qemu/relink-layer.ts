import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { headBytes, readImageHeader, relinkedHead } from '@strata/disk-image';
import { lockHolder } from './lock-holder.ts';
import { inWords } from './qemu-errors.ts';
import { backingName, driverOf, type ImageFile, relinkImage } from './qemu-img.ts';

type Link = { readonly name: string; readonly format: ImageFile['format'] };

/** In one write that no disk tears, and on disk before this returns. False: untouched, the header has no place for it. */
const patch = async (handle: FileHandle, { name, format }: Link): Promise<boolean> => {
  const head = Buffer.alloc(headBytes);
  const { bytesRead } = await handle.read(head, 0, head.length, 0);
  const { problems } = await readImageHeader(handle);
  if (bytesRead < head.length || problems.length > 0) return false;
  const change = relinkedHead(head, { string: backingName(name), format: driverOf(format) });
  if (change === null) return false;
  if (change.bytes.length > 0) await handle.write(change.bytes, 0, change.bytes.length, change.offset);
  await handle.datasync();
  return true;
};

const withoutProcess = async (path: string, link: Link, isFree: boolean): Promise<boolean> => {
  // Whoever has it open has its header in memory too; qemu-img then says who stands in the way.
  if (!isFree && (await lockHolder(path)) !== null) return false;
  const handle = await open(path, constants.O_RDWR | constants.O_NOFOLLOW).catch(() => null);
  if (handle === null) return false;
  try {
    return await patch(handle, link);
  } finally {
    await handle.close();
  }
};

/**
 * Another backing link in the header of a layer that reads the same over both: on disk when it returns. Where the new link has
 * room where the old one is, a few bytes are written and no process is started; else the header is laid out anew by qemu-img.
 * `isFree`: it was just seen that nobody has it open.
 */
export const relinkLayer = (path: string, link: Link, isFree = false): Promise<void> =>
  inWords(`Relinking ${path}`, async () => {
    if (await withoutProcess(path, link, isFree)) return;
    await relinkImage(path, link);
  });
