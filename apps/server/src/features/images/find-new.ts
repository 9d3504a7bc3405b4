import { dirname, relative, sep } from 'node:path';
import type { Problem } from '@strata/contract';
import { inspectFiles, isUnreadable } from './disk-reader.ts';
import { type FileStat, type ImageRecord, statKey } from './image-record.ts';
import { formatOf, hasRawName, type Inspected } from './inspect-file.ts';
import type { Library } from './library.ts';
import type { ScanScope } from './library-scan.ts';
import { isWithin } from './path-trees.ts';
import { newRecord } from './read-record.ts';

type Files = Map<string, FileStat>;
type Roots = readonly { readonly path: string }[];

/** Files that were looked at and are no images, so that they are not opened at every scan. */
export class NotImages {
  private readonly seen = new Map<string, string>();

  private static mark(stat: FileStat): string {
    return `${statKey(stat)}:${stat.size}:${stat.mtimeNs}`;
  }
  has(path: string, stat: FileStat): boolean {
    return this.seen.get(path) === NotImages.mark(stat);
  }
  add(path: string, stat: FileStat): void {
    this.seen.set(path, NotImages.mark(stat));
  }
  keepOnly(files: Files): void {
    for (const path of this.seen.keys()) if (!files.has(path)) this.seen.delete(path);
  }
}

/** A file under a second name (a hard link) is the same image. */
export const unmatched = (files: Files, match: ReadonlyMap<string, string>): [string, FileStat][] => {
  const keys = new Set<string>();
  for (const path of match.values()) {
    const stat = files.get(path);
    if (stat !== undefined) keys.add(statKey(stat));
  }
  const found: [string, FileStat][] = [];
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

/** New images that are written down in one transaction, while the headers of the next are read. */
const writtenAtOnce = 250;

/** Takes in the images among files that no image of the library is. Answers what could not be read. */
export const findNew = async (
  library: Library,
  files: readonly [string, FileStat][],
  notImages: NotImages,
  { folders, making }: ScanScope,
): Promise<Trouble[]> => {
  const unready = making();
  const news = new Map(
    files.filter(([path, stat]) => stat.size > 0n && !unready.has(path) && !notImages.has(path, stat)),
  );
  const added: ImageRecord[] = [];
  const trouble: Trouble[] = [];
  await inspectFiles([...news.keys()], (path, file) => {
    if (isUnreadable(file)) {
      if (file.code === 'missing') return;
      // Whatever it is called: it may be an overlay.
      const message = `${file.message}. What stands on what may be wrong.`;
      const repair = 'Make the file readable, or move it out of the library.';
      trouble.push({ path, problem: { code: 'file-unreadable', message, repair } });
      return;
    }
    const record = isImage(file, path, folders) ? newRecord(path, file) : null;
    const stat = news.get(path);
    if (record !== null) added.push(record);
    else if (stat !== undefined) notImages.add(path, stat);
    if (added.length >= writtenAtOnce) library.change(added.splice(0));
  });
  library.change(added);
  return trouble;
};

/**
 * A raw base may have any name; it counts when an overlay names it. Only in the library's folders, and only what
 * looks like a disk: an overlay from a stranger must not make a disk of somebody's letters.
 */
export const findRawBases = async (
  library: Library,
  scope: ScanScope,
  files: Files,
): Promise<ImageRecord[]> => {
  const wanted = new Map<string, FileStat>();
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
  const found: ImageRecord[] = [];
  await inspectFiles([...wanted.keys()], (path, file) => {
    const record = isUnreadable(file) || file.header.kind !== 'raw' ? null : newRecord(path, file);
    if (record !== null) found.push(record);
  });
  return found;
};
