import { lstat, realpath } from 'node:fs/promises';
import type { Problem } from '@strata/contract';
import { removeAbandonedPart } from '../../qemu/new-image-file.ts';
import { inspectFiles, isUnreadable, walkFolder } from './disk-reader.ts';
import { findNew, findRawBases, type NotImages, unmatched } from './find-new.ts';
import type { Walk } from './folder-walk.ts';
import {
  allocatedOf,
  type FileStat,
  type ImageRecord,
  isSameFile,
  isSameInode,
  isUnchanged,
  statKey,
} from './image-record.ts';
import type { Library } from './library.ts';
import { mapBounded } from './map-bounded.ts';
import { isWithin } from './path-trees.ts';
import { updated } from './read-record.ts';
import { resolveBackings } from './resolve-backings.ts';

export interface ScanScope {
  readonly folders: readonly {
    readonly id: string;
    readonly path: string;
    /** `st_dev` when it was last read; null before that. */
    readonly device: string | null;
  }[];
  /** The folder was read, on this disk. */
  foundOn(folderId: string, device: string): void;
  /** Folders never entered: the data folder's private parts. */
  readonly skip: ReadonlySet<string>;
  /** Files that an unfinished operation makes or will remove. */
  making(): ReadonlySet<string>;
  /** Whether something refers to the image: then it stays known when its file is gone. */
  isReferred(record: ImageRecord): boolean;
}

type Files = Map<string, FileStat>;

/** Which file each known image is now: by its path, else wherever the same file turned up. */
const matchFiles = (library: Library, files: Files): Map<string, string> => {
  const match = new Map<string, string>();
  const taken = new Set<string>();
  const take = (record: ImageRecord, path: string): void => {
    match.set(record.id, path);
    taken.add(path);
  };
  const byKey = new Map<string, string>();
  for (const [path, stat] of files) if (!byKey.has(statKey(stat))) byKey.set(statKey(stat), path);
  const rest: ImageRecord[] = [];
  for (const record of library.all()) {
    const stat = files.get(record.path);
    if (stat !== undefined && isSameInode(record, stat)) take(record, record.path);
    else rest.push(record);
  }
  for (const record of rest) {
    const path = byKey.get(`${record.identity.device}:${record.identity.inode}`);
    const stat = path === undefined ? undefined : files.get(path);
    const moved = path !== undefined && stat !== undefined && !taken.has(path) && isSameFile(record, stat);
    if (moved) take(record, path);
  }
  // Another file has taken its place, and it is no image we know: the image was replaced.
  for (const record of rest) {
    if (!match.has(record.id) && files.has(record.path) && !taken.has(record.path)) take(record, record.path);
  }
  return match;
};

/** Unchanged ones cost the look at their names; the headers of the others are read again. */
const updateKnown = async (
  library: Library,
  scope: ScanScope,
  files: Files,
  match: ReadonlyMap<string, string>,
): Promise<ImageRecord[]> => {
  const changed: ImageRecord[] = [];
  const again = new Map<string, ImageRecord>();
  for (const record of library.all()) {
    const path = match.get(record.id);
    const stat = path === undefined ? undefined : files.get(path);
    if (path === undefined || stat === undefined) continue;
    const allocatedSize = allocatedOf(stat);
    if (path !== record.path || !record.present || !isUnchanged(record, stat)) again.set(path, record);
    else if (allocatedSize !== record.facts.allocatedSize)
      changed.push({ ...record, facts: { ...record.facts, allocatedSize } });
  }
  await inspectFiles([...again.keys()], (path, file) => {
    const record = again.get(path);
    if (record === undefined) return;
    const read = isUnreadable(file)
      ? { ...record, present: false }
      : updated(record, path, file, scope.isReferred);
    if (JSON.stringify(read) !== JSON.stringify(record)) changed.push(read);
  });
  return changed;
};

const statRegistered = async (library: Library, scope: ScanScope, files: Files): Promise<void> => {
  const elsewhere = [...library.all()].filter((record) => !files.has(record.path));
  await mapBounded(elsewhere, 32, async ({ path }) => {
    const stat = await lstat(path, { bigint: true }).catch(() => null);
    const scanned = scope.folders.some((folder) => isWithin(path, folder.path));
    if (stat?.isFile() && !scanned) files.set(path, stat);
  });
};

/**
 * Where a disk is not mounted, its folder is there and empty. Device numbers also change by themselves (another USB
 * port, another order at boot), so another number alone says nothing: it counts when none of the images is there.
 */
const absentDisk = async (
  library: Library,
  scope: ScanScope,
  folder: ScanScope['folders'][number],
  walk: Walk,
): Promise<Problem | null> => {
  const root = await lstat(folder.path, { bigint: true }).catch(() => null);
  if (root === null) return null;
  const device = String(root.dev);
  if (device === folder.device) return null;
  const known = [...library.all()].filter(({ path }) => isWithin(path, folder.path));
  if (folder.device === null || known.length === 0 || known.some(({ path }) => walk.files.has(path))) {
    scope.foundOn(folder.id, device);
    return null;
  }
  return {
    code: 'folder-not-mounted',
    message: `${folder.path} is on another disk than before, and none of its ${known.length} images is there: its own disk is not mounted. The images are kept in mind.`,
    repair: 'Mount the disk and scan again. If the images are gone for good, delete them in the library.',
  };
};

/** All folders once over. Answers the problems of each folder by its id. */
export const scanLibrary = async (
  library: Library,
  scope: ScanScope,
  notImages: NotImages,
): Promise<Map<string, Problem[]>> => {
  const files: Files = new Map();
  const underRealPath: Files = new Map();
  const problems = new Map<string, Problem[]>();
  for (const folder of scope.folders) {
    const walk = await walkFolder(folder.path, scope.skip);
    for (const part of walk.parts) await removeAbandonedPart(part).catch(() => {});
    const absent = await absentDisk(library, scope, folder, walk);
    problems.set(folder.id, absent === null ? walk.problems : [absent, ...walk.problems]);
    if (absent !== null) continue;
    const isReal = (await realpath(folder.path).catch(() => null)) === folder.path;
    for (const [path, stat] of walk.files) {
      files.set(path, stat);
      if (isReal) underRealPath.set(path, stat);
    }
  }
  const unreadable = scope.folders.filter((folder) => (problems.get(folder.id) ?? []).length > 0);
  await statRegistered(library, scope, files);
  notImages.keepOnly(files);
  const match = matchFiles(library, files);
  const changed = await updateKnown(library, scope, files, match);
  const gone = [...library.all()].filter((record) => !match.has(record.id));
  // What a power failure takes of this the files say again.
  library.change(changed, [], 'unsynced');
  const trouble = await findNew(library, unmatched(files, match), notImages, scope);
  for (const { path, problem } of trouble) {
    // What a link has led to lies in no folder: it is told with the first.
    const folder = scope.folders.find((root) => isWithin(path, root.path)) ?? scope.folders[0];
    if (folder !== undefined) problems.get(folder.id)?.push(problem);
  }
  await resolveBackings(library, library.all(), underRealPath);
  const bases = await findRawBases(library, scope, files);
  library.change(bases);
  forgetGone(library, scope, gone, unreadable);
  library.setComplete([...problems.values()].every((list) => list.length === 0));
  return problems;
};

/** Another image may have been moved onto its path: that is the other's now. */
const pathOfGone = (library: Library, record: ImageRecord): string => {
  const taken = [...library.all()].some(({ id, path }) => path === record.path && id !== record.id);
  return taken ? `${record.path}~gone-${record.id}` : record.path;
};

/**
 * An overlay that went without Strata may lie on a disk that is not mounted: its backing must wait for it, until
 * somebody deletes it here.
 */
export const isAwaited = (record: ImageRecord): boolean => record.facts.backing !== null;

/** Gone for good, unless something refers to it, it is awaited, or its folder could not be read just now. */
const forgetGone = (
  library: Library,
  scope: ScanScope,
  gone: readonly ImageRecord[],
  unreadable: readonly { path: string }[],
): void => {
  const current = gone.filter((record) => library.get(record.id) === record);
  const stays = (record: ImageRecord): boolean =>
    scope.isReferred(record) ||
    isAwaited(record) ||
    unreadable.some((folder) => isWithin(record.path, folder.path));
  const missing = current.filter((record) => record.present && stays(record));
  const drops = current.filter((record) => !stays(record));
  library.change(
    missing.map((record) => ({ ...record, path: pathOfGone(library, record), present: false })),
    drops.map((record) => record.id),
  );
};
