import { link, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ImageFormat } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { relativeBacking } from '../../backing-link.ts';
import { copyBytes, sameBytes } from '../../copy-bytes.ts';
import { type ConvertForm, convertContent } from '../../qemu/convert-image.ts';
import { contentsAreEqual, copyContent, type WorkWatch } from '../../qemu/image-work.ts';
import { createOverlay, relinkImage } from '../../qemu/qemu-img.ts';
import { copyTag, tagReadsAs } from '../../qemu/tag-content.ts';
import { syncFolder, syncWithFolder } from '../../sync-files.ts';
import { approvedChain } from './chain-facts.ts';
import { libraryFolder, overlayFolder, verifyOverlay } from './create-images.ts';
import { awayFrom, type FolderPlace, placeOfFolder } from './folder-place.ts';
import { demandFreeSpace, justHeader } from './free-space.ts';
import { candidatePaths, exists } from './image-names.ts';
import type { ImageRecord } from './image-record.ts';
import { extensions } from './import-images.ts';
import { inodeOf } from './inode.ts';
import type { LibraryAccess } from './library-access.ts';

/**
 * An image on its way into the library, as an operation writes it down before it makes the first byte. It grows
 * under a hidden name that no other operation uses (`part`); `key` says that it is complete, and how it is known
 * again under its real name.
 */
export interface NewFile {
  readonly part: string;
  readonly folder: string;
  readonly name: string;
  readonly format: ImageFormat;
  /** Its inode; null while it is being made. */
  readonly key: string | null;
  /** Where the folder was when this was planned. */
  readonly place?: FolderPlace;
  /** Of a copied file: it shares its blocks with the original. */
  readonly shared?: boolean;
}

export interface NewFileWish {
  readonly imageId: string;
  readonly kind: 'overlay' | 'content' | 'file';
  readonly name: string;
  readonly folder?: string | undefined;
  /** With `content`: what this internal snapshot of the image shows, by its number; left out: what the image shows now. */
  readonly snapshot?: string | undefined;
  readonly useReserve?: boolean | undefined;
  /** With `content`: another format, written so; it may take so many bytes. */
  readonly form?: ConvertForm | undefined;
  readonly bytes?: number | undefined;
  /** Of the operation and the file in it: makes the hidden name nobody else's. */
  readonly tag: string;
}

/** A file that need not be known to the library. */
export interface SourceFile {
  readonly path: string;
  /** What the copy stands on: its path and format at this moment. */
  readonly backing: { readonly path: string; readonly format: ImageFormat } | null;
}

/** An image that is made of nothing the library has. */
export interface FreshFileWish {
  readonly name: string;
  readonly folder?: string | undefined;
  readonly format: ImageFormat;
  /** It may take so many bytes. */
  readonly bytes: number;
  readonly useReserve?: boolean | undefined;
  readonly tag: string;
}

export interface NewFiles {
  /** Chooses folder and hidden name, and demands the space. Touches nothing. */
  place(wish: NewFileWish): Promise<NewFile>;
  /** Makes it, or makes it again, and proves that it is what it should be. On disk when it returns, with its key. */
  make(file: NewFile, wish: NewFileWish, watch: WorkWatch): Promise<NewFile>;
  /** The same for one file with its link, from wherever it lies. */
  makeFrom(file: NewFile, source: SourceFile, watch: WorkWatch): Promise<NewFile>;
  /** The same two for an image of other origin: `write` makes a file of that name, which there is not yet, and proves it. */
  placeFresh(wish: FreshFileWish): Promise<NewFile>;
  makeFresh(file: NewFile, write: (part: string) => Promise<void>): Promise<NewFile>;
  /** Gives it its name and takes it into the library. Again and again the same. */
  publish(file: NewFile): Promise<{ imageId: string; path: string }>;
  /** Whatever there is of it goes, unless something stands on it by now. */
  discard(file: NewFile): Promise<void>;
}

const driverFormat = (format: ImageFormat): 'qcow2' | 'raw' => (format === 'raw' ? 'raw' : 'qcow2');

/** A VM writes qcow2 and raw only, so content of any other format becomes qcow2. */
const newFormat = (record: ImageRecord, { kind, form }: NewFileWish): ImageFormat => {
  if (form !== undefined) return form.format;
  if (kind === 'overlay') return 'qcow2';
  return kind === 'file' || record.format === 'raw' ? record.format : 'qcow2';
};

const spaceFor = ({ kind, bytes }: NewFileWish, chain: readonly ImageRecord[]): number => {
  const [top] = chain;
  if (bytes !== undefined) return bytes;
  if (kind === 'overlay' || top === undefined) return justHeader;
  if (kind === 'file') return top.facts.allocatedSize;
  const stored = chain.reduce((sum, { facts }) => sum + facts.allocatedSize, 0);
  // qcow2 needs at most 1/8192 of what it holds for its tables, and a little to begin with.
  return Math.ceil(Math.min(stored, top.facts.virtualSize) * (1 + 1 / 4096)) + justHeader;
};

/** Made and compared: each is half of the work. */
const halves = (watch: WorkWatch): readonly [WorkWatch, WorkWatch] => {
  const half = (offset: number): WorkWatch => ({
    ...watch,
    onProgress: (fraction) => watch.onProgress?.((offset + fraction) / 2),
  });
  return [half(0), half(1)];
};

export const createNewFiles = (access: LibraryAccess): NewFiles => {
  const { library, world } = access;

  const makeOverlay = (file: NewFile, { imageId }: NewFileWish): Promise<void> =>
    access.exclusive(async () => {
      const [backing] = approvedChain(world, imageId);
      if (backing === undefined) throw new AppError('not-found', `There is no image ${imageId}.`);
      const backingLink = relativeBacking(file.folder, backing.path);
      await unlink(file.part).catch(() => {});
      await createOverlay({ path: file.part, backing: backingLink, backingFormat: backing.format });
      await verifyOverlay(file.part, backingLink, backing);
    });

  const makeContent = async (
    file: NewFile,
    { imageId, form }: NewFileWish,
    watch: WorkWatch,
  ): Promise<void> => {
    const { path, format } = world.facts(imageId);
    const [copies, compares] = halves(watch);
    if (form === undefined)
      await copyContent({ path, format }, { path: file.part, format: driverFormat(file.format) }, copies);
    else await convertContent({ path, format }, file.part, form, copies);
    if (!(await contentsAreEqual({ path, format }, { path: file.part, format: file.format }, compares)))
      throw new AppError(
        'image-unreadable',
        `The copy of ${path} does not read as the original; it was removed.`,
      );
  };

  const makeOfSnapshot = async (file: NewFile, wish: NewFileWish, watch: WorkWatch): Promise<void> => {
    const { path } = world.facts(wish.imageId);
    const [copies, compares] = halves(watch);
    const snapshot = wish.snapshot ?? '';
    await copyTag(path, snapshot, file.part, copies);
    if (!(await tagReadsAs(path, snapshot, file.part, compares)))
      throw new AppError(
        'image-unreadable',
        `The copy of the snapshot inside ${path} does not read as that; it was removed.`,
      );
  };

  /** The string in the header is relative to the folder the file lies in. */
  const copyFile = async (
    file: NewFile,
    { path, backing }: SourceFile,
    watch: WorkWatch,
  ): Promise<boolean> => {
    const [copies, compares] = halves(watch);
    const shared = await copyBytes(path, file.part, copies);
    if (!(await sameBytes(path, file.part, compares)))
      throw new AppError(
        'image-unreadable',
        `${path} was changed while it was copied; the copy was removed.`,
      );
    if (backing === null) return shared;
    const name = relativeBacking(file.folder, backing.path);
    await relinkImage(file.part, { name, format: backing.format });
    return shared;
  };

  const makeFile = async (file: NewFile, { imageId }: NewFileWish, watch: WorkWatch): Promise<void> => {
    const { path, facts } = world.record(imageId);
    const moved = facts.backing !== null && dirname(path) !== file.folder;
    const backing = moved ? world.facts(world.relation(imageId).backingId ?? '') : null;
    await copyFile(file, { path, backing }, watch);
  };

  /** Complete and on disk, or not there. */
  const completely = async (file: NewFile, make: () => Promise<void>): Promise<NewFile> => {
    if (file.key !== null && (await inodeOf(file.part)) === file.key) return file;
    const away = await awayFrom(file.folder, file.place);
    if (away !== null) throw new AppError('not-possible', `${away} Nothing was made.`);
    try {
      await make();
      await syncWithFolder(file.part);
    } catch (error) {
      await unlink(file.part).catch(() => {});
      throw error;
    }
    return { ...file, key: await inodeOf(file.part) };
  };

  const nameIt = async (file: NewFile): Promise<string> => {
    const { part, folder, name, format, key } = file;
    for (const path of candidatePaths(folder, name, extensions[format])) {
      const there = await inodeOf(path);
      if (there === key) return path;
      if (there !== null || !(await exists(part))) continue;
      try {
        await link(part, path);
        return path;
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        if (code === 'EEXIST') continue;
        // File systems without hard links (FAT).
        if (code !== 'EPERM' && code !== 'EOPNOTSUPP' && code !== 'ENOSYS') throw error;
        await rename(part, path);
        return path;
      }
    }
    throw new AppError('image-exists', `Every name like “${name}” is taken in ${folder}.`);
  };

  return {
    place: async (wish) => {
      const { imageId, kind, name, folder, tag, useReserve } = wish;
      const chain = kind === 'file' ? [world.record(imageId)] : approvedChain(world, imageId);
      const [top] = chain;
      if (top === undefined) throw new AppError('not-found', `There is no image ${imageId}.`);
      const place =
        folder === undefined ? await overlayFolder(access, top) : await libraryFolder(access, folder);
      await demandFreeSpace(place, spaceFor(wish, chain), useReserve);
      const format = newFormat(top, wish);
      const part = join(place, `.strata-${tag}.part`);
      return { part, folder: place, name, format, key: null, place: await placeOfFolder(place) };
    },

    make: (file, wish, watch) => {
      const content = wish.snapshot === undefined ? makeContent : makeOfSnapshot;
      const makers = { overlay: makeOverlay, content, file: makeFile };
      return completely(file, () => makers[wish.kind](file, wish, watch));
    },

    makeFrom: async (file, source, watch) => {
      let shared = file.shared ?? false;
      const made = await completely(file, async () => {
        shared = await copyFile(file, source, watch);
      });
      return { ...made, shared };
    },

    placeFresh: async ({ name, folder, format, bytes, useReserve, tag }) => {
      const place = await libraryFolder(access, folder);
      await demandFreeSpace(place, bytes, useReserve);
      const part = join(place, `.strata-${tag}.part`);
      return { part, folder: place, name, format, key: null, place: await placeOfFolder(place) };
    },

    makeFresh: (file, write) =>
      completely(file, async () => {
        await unlink(file.part).catch(() => {});
        await write(file.part);
      }),

    publish: (file) =>
      access.exclusive(async () => {
        const path = await nameIt(file);
        await syncFolder(file.folder);
        await unlink(file.part).catch(() => {});
        const fixed = file.format === 'raw';
        const known = library.byPath(path);
        const record =
          known?.present && known.name === file.name
            ? known
            : await access.adoptLocked(path, { name: file.name, format: file.format, fixed });
        return { imageId: record.id, path };
      }),

    discard: (file) =>
      access.exclusive(async () => {
        await unlink(file.part).catch(() => {});
        if (file.key === null) return;
        // It may have its name already without being known.
        await access.scanLocked();
        const record = [...library.all()].find(
          ({ path, identity }) => identity.inode === file.key && dirname(path) === file.folder,
        );
        if (record === undefined) return;
        const standing = world.view(record.id).usedBy.filter(({ kind }) => kind !== 'operation');
        if (standing.length > 0 || (await inodeOf(record.path)) !== file.key) return;
        await unlink(record.path);
        await syncFolder(dirname(record.path));
        library.change([], [record.id]);
        access.announce();
      }),
  };
};
