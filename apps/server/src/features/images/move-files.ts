import { link, lstat, rename, unlink } from 'node:fs/promises';
import { dirname, isAbsolute } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readImageHeader, resolveBacking } from '@strata/disk-image';
import { AppError } from '../../app-error.ts';
import { relativeBacking } from '../../backing-link.ts';
import { copyBytes, sameBytes } from '../../copy-bytes.ts';
import type { WorkWatch } from '../../qemu/image-work.ts';
import { type LockHolder, lockHolder } from '../../qemu/lock-holder.ts';
import { relinkImage } from '../../qemu/qemu-img.ts';
import { syncFolder, syncWithFolder } from '../../sync-files.ts';
import { awayFrom, type FolderPlace } from './folder-place.ts';
import { exists } from './image-names.ts';
import { inodeOf } from './inode.ts';
import type { LibraryAccess } from './library-access.ts';
import { makeBlank } from './make-blank.ts';
import { reread } from './read-record.ts';

/*
 * A file gets another name without its chains ever being broken: while the links are rewritten, it has both names.
 *
 *    overlay ─► old.qcow2        overlay ─┐  old.qcow2 ┐          overlay ─► new.qcow2
 *                                         └► new.qcow2 ┘ one file
 *
 * On another disk the second name is a copy, proven byte for byte.
 */

export interface Move {
  readonly imageId: string;
  readonly from: string;
  /** The file's inode, so that nobody else's new file under the old name is taken for it. */
  readonly fromKey: string;
  readonly to: string;
  /** The shown name afterwards; null: as it follows from the file's. */
  readonly name: string | null;
  /** On another file system: the hidden name under which the copy grows. */
  readonly part: string | null;
  /** Where the new folder was when this was planned. */
  readonly place?: FolderPlace;
}

/** Each is one action on the world, may be repeated, and is on disk when it returns. */
export interface MoveSteps {
  /** By what the original is known, as long as nobody writes it or puts another file in its place. */
  markOriginal(move: Move): Promise<string | null>;
  /** Who has written the original since it was copied, or has it open, in words; null: nobody, or it is gone. */
  strangerAt(move: Move, original: string): Promise<string | null>;
  /** The second name. `key`: of the copy, when it is one. */
  giveName(move: Move, key: string | null): Promise<void>;
  /** While it has both names its own link must be right from either folder; in the end it is relative again. */
  linkSelf(move: Move, form: 'absolute' | 'relative'): Promise<void>;
  overlaysOf(move: Move): Promise<string[]>;
  relink(overlayId: string, target: string): Promise<void>;
  /** The change of the books, to be made together with the journal. */
  takeOver(move: Move): Promise<() => void>;
  /** Only as long as the new name leads to the file that is known by `key`: there may be no other one left. */
  removeOld(move: Move, key: string | null): Promise<void>;
  removeNew(move: Move, key: string | null): Promise<void>;
  scan(): Promise<void>;
}

export interface MoveFiles {
  /** In words, when the disk it goes to is not mounted any more. */
  awayFrom(move: Move): Promise<string | null>;
  /** For another disk: copies, proves and answers the key of the copy, and what the original was known by meanwhile. */
  copy(move: Move, watch: WorkWatch): Promise<{ readonly key: string; readonly original: string }>;
  /** An empty image of the same kind on the same backing, under the hidden name, for QEMU to fill; answers its key. */
  blank(move: Move): Promise<string>;
  /** Nothing else changes the library meanwhile. */
  exclusively<Result>(work: (steps: MoveSteps) => Promise<Result>): Promise<Result>;
}

const withoutLinks = new Set(['EPERM', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

const keyOf = async (part: string): Promise<string> => {
  const key = await inodeOf(part);
  if (key === null) throw new AppError('image-unreadable', `${part} is gone.`);
  return key;
};

/** A look that Strata takes itself is over soon. */
const lastingHolder = async (path: string): Promise<LockHolder | null> => {
  for (let tries = 20; ; tries -= 1) {
    const holder = await lockHolder(path);
    if (holder === null || tries === 0) return holder;
    await delay(200);
  }
};

/** Changes with every write. Without the device, as `inodeOf`. */
const markOf = (path: string): Promise<string | null> =>
  lstat(path, { bigint: true }).then(
    ({ ino, size, mtimeNs }) => `${ino}:${size}:${mtimeNs}`,
    () => null,
  );

export const createMoveFiles = (access: LibraryAccess): MoveFiles => {
  const { library, world } = access;

  /** Where its own link leads; null when it has none, or one that is right from anywhere. */
  const ownTarget = async ({ imageId }: Move, path: string): Promise<string | null> => {
    const { backing } = await readImageHeader(path);
    if (backing === null) return null;
    return world.facts(world.relation(imageId).backingId ?? '').path;
  };

  const writeLink = async (path: string, imageId: string, link: string): Promise<void> => {
    const { backing } = await readImageHeader(path);
    if (backing === null || backing.string === link) return;
    const { format } = world.facts(world.relation(imageId).backingId ?? '');
    await relinkImage(path, { name: link, format });
    await syncWithFolder(path);
  };

  /** A scan after a crash may have taken the second name for an image of its own: it went by Strata's hand. */
  const forgetOther = (path: string, imageId: string): void => {
    const other = library.byPath(path);
    if (other !== undefined && other.id !== imageId) library.change([], [other.id]);
  };

  /** A name that nobody has; `rename` alone would overwrite. */
  const addName = async (from: string, to: string): Promise<void> => {
    try {
      await link(from, to);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') throw new AppError('image-exists', `${to} exists already. Choose another name.`);
      if (!withoutLinks.has(code ?? '')) throw error;
      if (await exists(to)) throw new AppError('image-exists', `${to} exists already. Choose another name.`);
      await rename(from, to);
    }
    await syncFolder(dirname(to));
  };

  const steps: MoveSteps = {
    markOriginal: ({ from }) => markOf(from),

    strangerAt: async ({ from }, original) => {
      const holder = await lastingHolder(from);
      if (holder !== null) return `${holder.program} (process ${holder.pid}) has ${from} open.`;
      const now = await markOf(from);
      return now === null || now === original ? null : `${from} was written or replaced after it was copied.`;
    },

    giveName: async ({ from, to, part }, key) => {
      const there = await inodeOf(to);
      if (part === null) {
        if (there !== null && there === (await inodeOf(from))) return;
        await addName(from, to);
        return;
      }
      if (there === null || there !== key) await addName(part, to);
      await unlink(part).catch(() => {});
    },

    linkSelf: async (move, form) => {
      const target = await ownTarget(move, move.to);
      if (target === null || dirname(move.from) === dirname(move.to)) return;
      const before = (await readImageHeader(move.to)).backing?.string ?? '';
      if (form === 'absolute' && isAbsolute(before)) return;
      const link = form === 'absolute' ? target : relativeBacking(dirname(move.to), target);
      // A copy stands in its new folder only and was linked there before it got its name.
      if (form === 'absolute' && move.part !== null) return;
      await writeLink(move.to, move.imageId, link);
    },

    overlaysOf: async ({ imageId, to }) => {
      await access.scanLocked();
      const copy = library.byPath(to);
      const overlays = [imageId, ...(copy === undefined ? [] : [copy.id])].flatMap(
        (id) => world.view(id).overlays,
      );
      return [...new Set(overlays)].filter((id) => id !== imageId && id !== copy?.id);
    },

    relink: async (overlayId, target) => {
      const { path, facts } = world.record(overlayId);
      const link = relativeBacking(dirname(path), target);
      const { backing } = await readImageHeader(path);
      if (backing?.string !== link) {
        const known = facts.backing?.format ?? world.facts(world.relation(overlayId).backingId ?? '').format;
        await relinkImage(path, { name: link, format: known === 'iso' ? 'raw' : (known as 'qcow2') });
        await syncWithFolder(path);
      }
      const found = (await readImageHeader(path)).backing;
      const leads = found === null ? null : resolveBacking(path, found.string);
      if (leads?.kind !== 'file' || (await inodeOf(leads.path)) !== (await inodeOf(target)))
        throw new AppError('internal-error', `${path} does not lead to ${target} as it should.`);
    },

    takeOver: async ({ imageId, to, name }) => {
      const record = world.record(imageId);
      // It keeps its format whatever its guest has written to its beginning.
      const read = await reread({ ...record, formatFixed: true }, to, () => true);
      if (!read.present) throw new AppError('image-unreadable', `${to} cannot be read.`);
      const formatFixed = record.formatFixed || record.format === 'raw';
      const found = library.byPath(to);
      const drops = found === undefined || found.id === imageId ? [] : [found.id];
      return () => library.change([{ ...read, formatFixed, ...(name === null ? {} : { name }) }], drops);
    },

    removeOld: async ({ imageId, from, fromKey, to }, key) => {
      if (from === to || (await inodeOf(from)) !== fromKey) return;
      const there = await inodeOf(to);
      if (there === null) throw new AppError('image-unreadable', `${to} is gone; ${from} was kept.`);
      if (there !== (key ?? fromKey))
        throw new AppError('image-unreadable', `${to} is another file now; ${from} was kept.`);
      await unlink(from);
      forgetOther(from, imageId);
      await syncFolder(dirname(from));
    },

    removeNew: async ({ imageId, from, to, part }, key) => {
      if (part !== null) await unlink(part).catch(() => {});
      const there = await inodeOf(to);
      const ours = part === null ? await inodeOf(from) : key;
      if (there === null || there !== ours || from === to) return;
      await unlink(to);
      forgetOther(to, imageId);
      await syncFolder(dirname(to));
    },

    scan: () => access.scanLocked(),
  };

  return {
    awayFrom: ({ to, place }) => awayFrom(dirname(to), place),
    copy: async (move, watch) => {
      const { imageId, from, to, part } = move;
      if (part === null) throw new Error('a move on one disk copies nothing');
      // Taken up after a restart: the image would vanish behind the disk as soon as that is mounted.
      const away = await awayFrom(dirname(to), move.place);
      if (away !== null) throw new AppError('not-possible', `${away} Nothing was moved.`);
      const half = (offset: number): WorkWatch => ({
        ...watch,
        onProgress: (fraction) => watch.onProgress?.((offset + fraction) / 2),
      });
      try {
        const original = await markOf(from);
        await copyBytes(from, part, half(0));
        const same = await sameBytes(from, part, half(1));
        if (!same || original === null || original !== (await markOf(from)))
          throw new AppError(
            'image-unreadable',
            `${from} was changed while it was copied. Nothing was moved.`,
          );
        const target = await ownTarget(move, part);
        if (target !== null) await writeLink(part, imageId, relativeBacking(dirname(to), target));
        await syncWithFolder(part);
        return { key: await keyOf(part), original };
      } catch (error) {
        await unlink(part).catch(() => {});
        throw error;
      }
    },
    blank: async (move) => {
      const { imageId, from, to, part } = move;
      if (part === null) throw new Error('a move on one disk copies nothing');
      await unlink(part).catch(() => {});
      const { backingId } = world.relation(imageId);
      const backing = backingId === null ? null : world.facts(backingId);
      const { format } = world.record(imageId);
      await makeBlank({
        ...{ from, path: part, format },
        backing: backing && { name: relativeBacking(dirname(to), backing.path), format: backing.format },
      });
      await syncWithFolder(part);
      return keyOf(part);
    },
    exclusively: (work) => access.exclusive(() => work(steps)),
  };
};
