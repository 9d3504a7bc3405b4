import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { InsideEntries, InsideEntry, InsidePlace, InsidePreview } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { SavedFile } from '../../http/saved-file.ts';
import type { GuestDisk } from '../../qemu/tools/guestfs/guest-disk.ts';
import { type GuestStat, mostReadBytes } from '../../qemu/tools/guestfs/guest-files.ts';
import { freeSpaceIn, spendable } from '../../space-reserve.ts';
import { guestPath, isRoot, nameOf, shownText } from './guest-path.ts';
import { describeEntries, listFolder, pageOf } from './inside-entries.ts';
import { previewBytes, previewOf } from './inside-preview.ts';
import type { LookInside } from './inside-session.ts';

/** A file says how long it is; nobody fetches more than this of one. */
const mostFileBytes = 64 * 1024 ** 4;
const archiveSlackBytes = 1024 ** 3;

const doing = { list: 'Listing it', read: 'Reading it', write: 'Putting it in', remove: 'Deleting it' };

/** A pipe or a device is not opened: it would be one of the appliance. */
const demandFile = ({ kind }: GuestStat): void => {
  if (kind !== 'file')
    throw new AppError('not-possible', kind === 'folder' ? 'That is a folder.' : 'That is no ordinary file.');
};

/** Piece after piece, when they are wanted; whatever else is asked of the disk goes between them. */
const contentOf = (
  session: LookInside,
  disk: GuestDisk,
  device: string,
  path: Buffer,
  part: { start: number; end: number },
): Readable => {
  const pieces = async function* (): AsyncGenerator<Buffer> {
    for (let offset = part.start; offset <= part.end; ) {
      const length = Math.min(mostReadBytes, part.end + 1 - offset);
      const piece = await disk.onVolume(
        doing.read,
        device,
        (files) => files.read(path, offset, length),
        true,
      );
      session.touch();
      if (piece.length === 0) throw new Error('the file is shorter than it says');
      offset += piece.length;
      yield piece;
    }
  };
  return Readable.from(pieces(), { objectMode: false, highWaterMark: mostReadBytes });
};

export const listEntries = async (
  session: LookInside,
  query: InsidePlace & { after?: string | undefined; limit: number },
): Promise<InsideEntries> => {
  const { disk } = session.volume(query.volume);
  const path = guestPath(query);
  const key = `${query.volume} ${path.toString('hex')}`;
  return disk.onVolume(doing.list, query.volume, async (files) => {
    const known = query.after !== undefined && session.listing?.key === key ? session.listing : null;
    session.listing = known ?? (await listFolder(files, key, path));
    return pageOf(files, session.listing, path, query);
  });
};

export const preview = (session: LookInside, place: InsidePlace): Promise<InsidePreview> => {
  const { disk } = session.volume(place.volume);
  const path = guestPath(place);
  return disk.onVolume(doing.read, place.volume, async (files) => {
    const stat = await files.stat(path);
    demandFile(stat);
    return previewOf(await files.read(path, 0, previewBytes), stat.size);
  });
};

export const savedFile = async (session: LookInside, place: InsidePlace): Promise<SavedFile> => {
  const { disk } = session.volume(place.volume);
  const path = guestPath(place);
  const stat = await disk.onVolume(doing.read, place.volume, (files) => files.stat(path));
  demandFile(stat);
  if (stat.size > mostFileBytes)
    throw new AppError(
      'not-possible',
      `The file says that it has ${stat.size.toLocaleString('en')} bytes, more than any disk here. It is not fetched.`,
    );
  return new SavedFile({
    name: shownText(nameOf(path)),
    size: stat.size,
    open: async (range) =>
      contentOf(session, disk, place.volume, path, range ?? { start: 0, end: stat.size - 1 }),
  });
};

export const savedFolder = async (session: LookInside, place: InsidePlace): Promise<SavedFile> => {
  const { disk } = session.volume(place.volume);
  const path = guestPath(place);
  const stat = await disk.onVolume(doing.read, place.volume, (files) => files.stat(path));
  if (stat.kind !== 'folder') throw new AppError('not-possible', 'That is no folder.');
  const stem = isRoot(path) ? session.plan.image.name : shownText(nameOf(path));
  return new SavedFile({
    name: `${stem}.tar`,
    size: null,
    open: async () => {
      const most = 2 * session.plan.image.virtualSize + archiveSlackBytes;
      const stream = await disk.tar(place.volume, path, most);
      stream.on('data', () => session.touch()).pause();
      return stream;
    },
  });
};

const demandWritable = (session: LookInside): void => {
  if (!session.plan.writable)
    throw new AppError(
      'operation-state',
      'This disk was opened for reading. Close it, and open it for putting files in.',
    );
};
const demandNamed = (path: Buffer): Buffer => {
  if (isRoot(path)) throw new AppError('invalid-request', 'That is the volume itself.');
  return path;
};
const entryAt = async (files: Parameters<typeof describeEntries>[0], path: Buffer): Promise<InsideEntry> => {
  const parent = path.subarray(0, Math.max(1, path.lastIndexOf(0x2f)));
  const [entry] = await describeEntries(files, parent, [nameOf(path)]);
  if (entry === undefined) throw new AppError('internal-error', 'What was just written is not there.');
  return entry;
};

const demandSpace = async (folder: string, bytes: number, why: string): Promise<void> => {
  const space = await freeSpaceIn(folder);
  if (space !== null && spendable(space) < bytes)
    throw new AppError('disk-full', `${why} Free some space in ${folder} first.`);
};

/** All of it is here before anything is changed in the guest: a sender that goes away leaves nothing. */
export const putFile = async (
  session: LookInside,
  place: InsidePlace,
  body: Readable,
  length: number,
): Promise<InsideEntry> => {
  demandWritable(session);
  const { disk } = session.volume(place.volume);
  const path = demandNamed(guestPath(place));
  const { folder, plan } = session;
  await demandSpace(folder, length, 'The file is kept on this machine first, and does not fit.');
  await demandSpace(dirname(plan.image.path), length, 'The image grows by it, and does not fit.');
  const free = await disk.onVolume(doing.write, place.volume, (files) => files.free());
  if (length > free)
    throw new AppError(
      'disk-full',
      `The file has ${length.toLocaleString('en')} bytes; the file system on the disk has ${free.toLocaleString('en')} left.`,
    );
  const part = join(folder, `body-${randomBytes(6).toString('hex')}`);
  try {
    const target = createWriteStream(part, { flags: 'wx', mode: 0o600 });
    const heard = async function* (parts: AsyncIterable<Buffer>) {
      for await (const bytes of parts) {
        session.touch();
        yield bytes;
      }
    };
    await pipeline(body, heard, target);
    if (target.bytesWritten !== length)
      throw new AppError('invalid-request', 'The file came shorter than its Content-Length says.');
    return await disk.onVolume(doing.write, place.volume, async (files) => {
      const [there] = await files.describe([path]);
      if (there?.kind === 'folder') throw new AppError('name-taken', 'There is a folder of that name.');
      await files.put(part, path);
      session.listing = null;
      const entry = await entryAt(files, path);
      if (entry.kind !== 'file' || entry.size !== length)
        throw new AppError('image-unreadable', 'What was written does not read back as it was sent.');
      return entry;
    });
  } finally {
    await rm(part, { force: true });
  }
};

export const makeFolder = (session: LookInside, place: InsidePlace): Promise<InsideEntry> => {
  demandWritable(session);
  const { disk } = session.volume(place.volume);
  const path = demandNamed(guestPath(place));
  return disk.onVolume('Making the folder', place.volume, async (files) => {
    await files.makeFolder(path);
    session.listing = null;
    return entryAt(files, path);
  });
};

export const removeEntry = (session: LookInside, place: InsidePlace): Promise<void> => {
  demandWritable(session);
  const { disk } = session.volume(place.volume);
  const path = demandNamed(guestPath(place));
  return disk.onVolume(doing.remove, place.volume, async (files) => {
    const [there] = await files.describe([path]);
    if (there === undefined || there === null)
      throw new AppError('not-found', 'There is nothing of that name on the disk.');
    await files.remove(path);
    session.listing = null;
  });
};
