import type { BigIntStats } from 'node:fs';
import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, relative, sep } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import type { ImageFormat, Problem } from '@strata/contract';
import { newId } from '../../new-id.ts';
import { type Walk, walkFolder } from './folder-walk.ts';
import { isWithin } from './forbidden-paths.ts';
import {
  allocatedOf,
  fileKey,
  type ImageRecord,
  isSameFile,
  isSameInode,
  isUnchanged,
  statKey,
  wasReadLater,
} from './image-record.ts';
import { fileState, formatOf, hasRawName, type Inspected, inspectFile } from './inspect-file.ts';
import type { Library } from './library.ts';
import { mapBounded } from './map-bounded.ts';
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

type Files = Map<string, BigIntStats>;
type Roots = readonly { readonly path: string }[];

/** Headers at a time: reading them is waiting for the disk. */
const atOnce = 24;

/** New images that are written down in one transaction: nobody waits for longer. */
const writtenAtOnce = 250;

/** Files that were looked at and are no images, so that they are not opened at every scan. */
export class NotImages {
  private readonly seen = new Map<string, string>();

  private static mark(stat: BigIntStats): string {
    return `${statKey(stat)}:${stat.size}:${stat.mtimeNs}`;
  }
  has(path: string, stat: BigIntStats): boolean {
    return this.seen.get(path) === NotImages.mark(stat);
  }
  add(path: string, stat: BigIntStats): void {
    this.seen.set(path, NotImages.mark(stat));
  }
  keepOnly(files: Files): void {
    for (const path of this.seen.keys()) if (!files.has(path)) this.seen.delete(path);
  }
}

/** A file that was not written for so long when it was looked at is no download that has just begun. */
const restMilliseconds = 60_000;

const wasAtRest = ({ identity, facts }: ImageRecord): boolean =>
  facts.readAt - Number(BigInt(identity.mtimeNs) / 1_000_000n) > restMilliseconds;

/**
 * A raw disk begins with whatever its guest writes, so it stays raw for ever (security.md, IMG-05): once it was
 * made or registered as raw, or something has used it, or it has lain still as raw.
 */
const isSettled = (
  record: ImageRecord,
  stat: BigIntStats,
  isReferred: (record: ImageRecord) => boolean,
): boolean => {
  if (record.formatFixed) return true;
  const headerless = record.format === 'raw' || record.format === 'iso';
  return headerless && isSameInode(record, stat) && (wasAtRest(record) || isReferred(record));
};

/** Read again, it says the same, down to what the time of reading proves: there is nothing to write down. */
export const saysTheSame = (read: ImageRecord, record: ImageRecord): boolean => {
  const { readAt } = record.facts;
  return (
    JSON.stringify({ ...read, facts: { ...read.facts, readAt } }) === JSON.stringify(record) &&
    wasAtRest(read) === wasAtRest(record) &&
    wasReadLater(read) === wasReadLater(record)
  );
};

/** The record after its file was read again; absent when it cannot be read. */
export const reread = async (
  record: ImageRecord,
  path: string,
  isReferred: (record: ImageRecord) => boolean,
): Promise<ImageRecord> => {
  let inspected: Inspected;
  try {
    inspected = await inspectFile(path);
  } catch {
    return { ...record, present: false };
  }
  const settled = isSettled(record, inspected.stat, isReferred);
  // A header that has vanished is a damaged image (or one just being written), and not a raw disk.
  const vanished = inspected.header.kind === 'raw' && isSameInode(record, inspected.stat);
  const state = await fileState(path, inspected, settled || vanished ? record.format : null);
  if (state === null) return { ...record, present: false };
  const name = record.name === basename(record.path) ? basename(path) : record.name;
  const formatFixed = settled && (state.format === 'raw' || record.formatFixed);
  return { ...record, ...state, formatFixed, name, path, present: true };
};

/** The same file at the same place, on the same backing: neither it nor what stands on it leads elsewhere. */
export const leadsTheSame = (read: ImageRecord, before: ImageRecord | undefined): boolean =>
  before !== undefined &&
  read.present === before.present &&
  read.path === before.path &&
  fileKey(read.identity) === fileKey(before.identity) &&
  read.facts.backing?.string === before.facts.backing?.string;

/** As a scan looks at it: the header is read again when the file says that it was written. */
export const glance: typeof reread = async (record, path, isReferred) => {
  const stat = await lstat(path, { bigint: true }).catch(() => null);
  const isSame = record.present && stat?.isFile() === true && isUnchanged(record, stat);
  return isSame ? record : reread(record, path, isReferred);
};

export const newRecord = async (
  path: string,
  inspected: Inspected,
  given: { name?: string; format?: ImageFormat; fixed?: boolean } = {},
): Promise<ImageRecord | null> => {
  const state = await fileState(path, inspected, given.format ?? null);
  if (state === null) return null;
  return {
    id: newId(),
    name: given.name ?? basename(path),
    path,
    ...state,
    formatFixed: given.fixed ?? false,
    present: true,
    createdAt: new Date().toISOString(),
  };
};

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

const updateKnown = async (
  library: Library,
  scope: ScanScope,
  files: Files,
  match: ReadonlyMap<string, string>,
): Promise<ImageRecord[]> => {
  const updated = await mapBounded([...library.all()], atOnce, async (record): Promise<ImageRecord[]> => {
    const path = match.get(record.id);
    const stat = path === undefined ? undefined : files.get(path);
    if (path === undefined || stat === undefined) return [];
    if (path === record.path && record.present && isUnchanged(record, stat)) {
      const allocatedSize = allocatedOf(stat);
      if (allocatedSize === record.facts.allocatedSize) return [];
      return [{ ...record, facts: { ...record.facts, allocatedSize } }];
    }
    const read = await reread(record, path, scope.isReferred);
    return JSON.stringify(read) === JSON.stringify(record) ? [] : [read];
  });
  return updated.flat();
};

/** A file under a second name (a hard link) is the same image. */
const unmatched = (files: Files, match: ReadonlyMap<string, string>): [string, BigIntStats][] => {
  const keys = new Set<string>();
  for (const path of match.values()) {
    const stat = files.get(path);
    if (stat !== undefined) keys.add(statKey(stat));
  }
  const found: [string, BigIntStats][] = [];
  for (const [path, stat] of files) {
    if (keys.has(statKey(stat))) continue;
    keys.add(statKey(stat));
    found.push([path, stat]);
  }
  return found;
};

/** Hidden files hold keys, caches and half copies, and now and then an overlay: then something stands on its backing. */
const isHidden = (path: string, folders: Roots): boolean => {
  const folder = folders.find((root) => isWithin(path, root.path));
  return relative(folder?.path ?? dirname(path), path)
    .split(sep)
    .some((part) => part.startsWith('.'));
};

export const isImage = ({ header }: Inspected, path: string, folders: Roots): boolean => {
  if (formatOf(header) === null) return false;
  if (isHidden(path, folders)) return header.backing !== null;
  return header.kind !== 'raw' || hasRawName(path);
};

interface Trouble {
  readonly path: string;
  readonly problem: Problem;
}

const findNew = async (
  files: readonly [string, BigIntStats][],
  notImages: NotImages,
  { folders, making }: ScanScope,
  trouble: Trouble[],
): Promise<ImageRecord[]> => {
  const unready = making();
  const found = await mapBounded(files, atOnce, async ([path, stat]): Promise<ImageRecord[]> => {
    if (stat.size === 0n || unready.has(path) || notImages.has(path, stat)) return [];
    try {
      const inspected = await inspectFile(path);
      const record = isImage(inspected, path, folders) ? await newRecord(path, inspected) : null;
      if (record !== null) return [record];
      notImages.add(path, stat);
    } catch (error) {
      if ((error as { code?: string }).code === 'missing') return [];
      // Whatever it is called: it may be an overlay.
      const words = error instanceof Error ? error.message : String(error);
      const message = `${words}. What stands on what may be wrong.`;
      const repair = 'Make the file readable, or move it out of the library.';
      trouble.push({ path, problem: { code: 'file-unreadable', message, repair } });
    }
    return [];
  });
  return found.flat();
};

/**
 * A raw base may have any name; it counts when an overlay names it. Only in the library's folders, and only what
 * looks like a disk: an overlay from a stranger must not make a disk of somebody's letters.
 */
const findRawBases = async (library: Library, scope: ScanScope, files: Files): Promise<ImageRecord[]> => {
  const wanted = new Map<string, BigIntStats>();
  for (const record of library.all()) {
    const resolved = library.backingOf(record.id);
    if (resolved?.target.kind !== 'file' || record.facts.backing?.format !== 'raw') continue;
    const { path } = resolved.target;
    const stat = files.get(path);
    const diskLike = stat !== undefined && stat.size > 0n && stat.size % 512n === 0n;
    const known = resolved.key !== null && library.byKey(resolved.key) !== undefined;
    if (diskLike && !known && scope.folders.some((folder) => isWithin(path, folder.path)))
      wanted.set(path, stat);
  }
  const found = await mapBounded([...wanted.keys()], atOnce, async (path) => {
    const inspected = await inspectFile(path).catch(() => null);
    return inspected?.header.kind === 'raw' ? newRecord(path, inspected) : null;
  });
  return found.filter((record) => record !== null);
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
  const updated = await updateKnown(library, scope, files, match);
  const trouble: Trouble[] = [];
  const added = await findNew(unmatched(files, match), notImages, scope, trouble);
  for (const { path, problem } of trouble) {
    // What a link has led to lies in no folder: it is told with the first.
    const folder = scope.folders.find((root) => isWithin(path, root.path)) ?? scope.folders[0];
    if (folder !== undefined) problems.get(folder.id)?.push(problem);
  }
  const gone = [...library.all()].filter((record) => !match.has(record.id));
  library.change(updated);
  for (let first = 0; first < added.length; first += writtenAtOnce) {
    library.change(added.slice(first, first + writtenAtOnce));
    await breathe();
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
