import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../../app-error.ts';
import { GuestDisk, type GuestDiskPlaces } from './guest-disk.ts';
import { word } from './guestfish-words.ts';

/** File systems that are made larger here; what they lie in may be made larger all the same. */
export const growingKinds = ['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'ntfs'] as const;
export type GrowingKind = (typeof growingKinds)[number];
export const grows = (kind: string): kind is GrowingKind =>
  (growingKinds as readonly string[]).includes(kind);

/** A file system of terabytes is looked through twice. */
const longMs = 12 * 3_600_000;

interface Recipe {
  /** What the appliance must have: as libguestfs calls it, and the package of this machine that it is taken from. */
  readonly needs: readonly [feature: string, toolPackage: string] | null;
  /** Before its files are listed: what the tool wants to be done first, and what mends a disk that was not shut down. */
  readonly prepare: readonly string[];
  readonly grow: readonly string[];
  /** Is refused, or prints something else than `sound`, when anything is wrong with it. */
  readonly check: { readonly command: string; readonly sound: RegExp } | null;
}

const inFolder = (device: string, command: string): string[] => [
  `mount ${device} "/"`,
  command,
  'umount-all',
];

const recipes: Readonly<Record<'ext' | 'xfs' | 'btrfs' | 'ntfs', (device: string) => Recipe>> = {
  ext: (device) => ({
    needs: null,
    prepare: [`e2fsck-f ${device}`],
    grow: [`resize2fs ${device}`],
    check: { command: `e2fsck ${device} forceno:true`, sound: /^$/ },
  }),
  xfs: (device) => ({
    needs: ['xfs', 'xfsprogs'],
    prepare: inFolder(device, 'sync'),
    grow: inFolder(device, 'xfs-growfs "/"'),
    check: { command: `xfs-repair ${device} nomodify:true`, sound: /^0$/ },
  }),
  btrfs: (device) => ({
    needs: ['btrfs', 'btrfs-progs'],
    prepare: inFolder(device, 'sync'),
    grow: inFolder(device, 'btrfs-filesystem-resize "/"'),
    check: { command: `btrfs-fsck ${device}`, sound: /^$/ },
  }),
  ntfs: (device) => ({
    needs: ['ntfsprogs', 'ntfs-3g'],
    prepare: [],
    grow: [`ntfsresize ${device}`],
    check: null,
  }),
};

const recipeOf = (kind: GrowingKind, device: string): Recipe =>
  recipes[kind === 'xfs' || kind === 'btrfs' || kind === 'ntfs' ? kind : 'ext'](word(device));

/** The names of all that is in it, in one number; its size as it says itself. */
interface Seen {
  readonly names: string;
  readonly size: number;
}

const digestOf = async (file: string): Promise<string> => {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
  return hash.digest('hex');
};

const look = async (disk: GuestDisk, device: string, folder: string): Promise<Seen> => {
  const file = join(folder, 'names');
  try {
    const printed = await disk.run(
      'Listing its files',
      [`mount-ro ${word(device)} "/"`, `find0 "/" ${word(file)}`, 'statvfs "/"', 'umount-all'],
      longMs,
    );
    const value = (name: string): number =>
      Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(printed[2] ?? '')?.[1] ?? Number.NaN);
    return { names: await digestOf(file), size: value('blocks') * value('frsize') };
  } finally {
    await rm(file, { force: true });
  }
};

const demandTools = async (disk: GuestDisk, { needs }: Recipe): Promise<void> => {
  if (needs === null) return;
  const [feature, toolPackage] = needs;
  const [said = ''] = await disk.run('Looking for its tools', [`feature-available ${word(feature)}`], longMs);
  if (said.trim() !== 'true')
    throw new AppError(
      'tool-missing',
      `The appliance of libguestfs has no tools for this file system. Install “${toolPackage}” and try again. The image was not touched.`,
    );
};

const demandSound = async (disk: GuestDisk, { check }: Recipe): Promise<void> => {
  if (check === null) return;
  const [said = ''] = await disk.run('Checking its file system', [check.command], longMs);
  if (!check.sound.test(said.trim()))
    throw new AppError('image-unreadable', 'The file system is not whole after it was made larger.');
};

export interface GrowWish {
  readonly places: GuestDiskPlaces;
  readonly kind: GrowingKind;
  /** As the appliance names the only disk: its partition of this number, or the disk itself. */
  readonly partition: number | null;
}

export interface GrownFileSystem {
  readonly before: number;
  readonly after: number;
}

/**
 * Makes a file system as large as what it lies in, in an appliance. Throws unless it is whole afterwards and holds what it
 * held. What is on the disk when it throws is not to be used.
 */
export const growFileSystem = async (
  { places, kind, partition }: GrowWish,
  signal: AbortSignal,
): Promise<GrownFileSystem> => {
  const device = partition === null ? '/dev/sda' : `/dev/sda${partition}`;
  const recipe = recipeOf(kind, device);
  const disk = await GuestDisk.open(places, signal);
  const stop = (): void => void disk.discard();
  signal.addEventListener('abort', stop, { once: true });
  try {
    await demandTools(disk, recipe);
    await disk.run('Preparing its file system', recipe.prepare, longMs);
    const before = await look(disk, device, places.folder);
    await disk.run('Making its file system larger', recipe.grow, longMs);
    await demandSound(disk, recipe);
    const after = await look(disk, device, places.folder);
    if (after.names !== before.names)
      throw new AppError('image-unreadable', 'The file system does not hold the same files any more.');
    if (!(after.size > before.size))
      throw new AppError('not-possible', 'The file system did not become larger.');
    // Closing it says nothing of what could not be written.
    await disk.run('Writing it to the disk', ['sync'], longMs);
    await disk.close();
    return { before: before.size, after: after.size };
  } catch (error) {
    await disk.discard();
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
};
