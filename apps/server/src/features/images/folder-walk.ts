import { type Dirent, lstatSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Problem } from '@strata/contract';
import { type FileStat, statOf } from './image-record.ts';
import { isSystemPath, isWithin, trashName } from './path-trees.ts';

/** Deeper than people nest folders; what is deeper still is told, never passed over in silence. */
const maxDepth = 32;
const maxFiles = 50_000;

export interface Walk {
  /** Every regular file under its real path, hidden ones too. */
  readonly files: Map<string, FileStat>;
  /** What could not be read: then something may stand on an image without our knowing. */
  readonly problems: Problem[];
  /** Images that somebody is making, or that a killed server left. */
  readonly parts: string[];
}

interface Course extends Walk {
  readonly skip: ReadonlySet<string>;
  /** By real path: two links may lead to the same folder, or in a circle. */
  readonly entered: Set<string>;
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;
const reason = (error: unknown): string => {
  const code = codeOf(error);
  if (code === 'EACCES' || code === 'EPERM') return 'you may not read it';
  if (code === 'ENOENT') return 'it is not there';
  return code ?? 'it cannot be read';
};
const unreadable = (path: string, error: unknown): Problem => ({
  code: 'folder-unreadable',
  message: `${path} could not be read: ${reason(error)}.`,
});

/**
 * Strata's own trash is known from its books, and so are the copies that its operations are making; what `fsck` has
 * found has no names.
 */
const isPassedOver = (name: string): boolean => name === trashName || name === 'lost+found';
const isPart = (name: string): boolean => /^\.strata-.+\.part$/.test(name);

/**
 * Every file below a folder, also behind links, to a depth of 32. Reads names and `lstat`, no contents. For a thread
 * that may wait for the disk.
 */
export const walkFolderSync = (root: string, skip: ReadonlySet<string>): Walk => {
  const course: Course = { files: new Map(), problems: [], parts: [], skip, entered: new Set([root]) };
  let level = [root];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth === maxDepth) {
      const message = `${level[0]} lies more than ${maxDepth} folders deep; it was not looked at.`;
      course.problems.push({
        code: 'folder-too-deep',
        message,
        repair: 'Move it up, or out of the library.',
      });
      break;
    }
    const next: string[] = [];
    for (const folder of level) next.push(...walkOne(folder, course));
    level = next.sort();
  }
  const { files, problems, parts } = course;
  return { files, problems, parts };
};

/** Takes in the files of one folder; answers the folders in it. */
const walkOne = (folder: string, course: Course): string[] => {
  const next: string[] = [];
  const files: string[] = [];
  const enter = (path: string): void => {
    if (course.skip.has(path) || course.entered.has(path)) return;
    course.entered.add(path);
    next.push(path);
  };
  for (const entry of readEntries(folder, course)) {
    const path = join(folder, entry.name);
    if (isPassedOver(entry.name)) continue;
    if (isPart(entry.name)) {
      if (entry.isFile()) course.parts.push(path);
    } else if (entry.isDirectory()) enter(path);
    else if (entry.isFile()) files.push(path);
    else if (entry.isSymbolicLink()) {
      const target = behind(path, course);
      if (target?.kind === 'folder') enter(target.path);
      if (target?.kind === 'file') files.push(target.path);
    }
  }
  addFiles(files, course);
  return next;
};

/** Where a link leads, if an image can be there: a broken link hides nothing, and system folders are never entered. */
const behind = (
  link: string,
  { skip, problems }: Course,
): { kind: 'file' | 'folder'; path: string } | null => {
  try {
    const path = realpathSync.native(link);
    if (isSystemPath(path) || [...skip].some((tree) => isWithin(path, tree))) return null;
    const found = statSync(path);
    if (found.isDirectory()) return { kind: 'folder', path };
    return found.isFile() ? { kind: 'file', path } : null;
  } catch (error) {
    if (!['ENOENT', 'ELOOP', 'ENOTDIR'].includes(codeOf(error) ?? '')) problems.push(unreadable(link, error));
    return null;
  }
};

const readEntries = (folder: string, walk: Walk): Dirent[] => {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.sort((one, other) => (one.name < other.name ? -1 : 1));
  } catch (error) {
    walk.problems.push(unreadable(folder, error));
    return [];
  }
};

const addFiles = (paths: readonly string[], walk: Walk): void => {
  const room = maxFiles - walk.files.size;
  if (paths.length > room && walk.problems.every(({ code }) => code !== 'folder-too-large')) {
    const message = `It holds more than ${maxFiles} files; the rest was not looked at.`;
    walk.problems.push({ code: 'folder-too-large', message });
  }
  for (const path of paths.slice(0, Math.max(0, room))) {
    try {
      const stat = lstatSync(path, { bigint: true });
      if (stat.isFile()) walk.files.set(path, statOf(stat));
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') walk.problems.push(unreadable(path, error));
    }
  }
};
