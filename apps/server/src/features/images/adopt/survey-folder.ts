import { lstat } from 'node:fs/promises';
import { maxDepth } from '@strata/backing-chain';
import type { Problem } from '@strata/contract';
import { walkFolder } from '../disk-reader.ts';
import { isImage } from '../find-new.ts';
import { isForbidden } from '../forbidden-paths.ts';
import { type FileStat, type ImageRecord, statKey } from '../image-record.ts';
import { ImageWorld } from '../image-world.ts';
import { formatOf, type Inspected, inspectFile } from '../inspect-file.ts';
import { Library } from '../library.ts';
import type { LibraryAccess } from '../library-access.ts';
import { mapBounded } from '../map-bounded.ts';
import { isWithin } from '../path-trees.ts';
import { newRecord } from '../read-record.ts';
import { resolveBackings } from '../resolve-backings.ts';

export interface OutsideFile {
  readonly path: string;
  readonly record: ImageRecord | null;
  /** Why it cannot be registered; null: it can, if that is wanted. */
  readonly why: string | null;
}

/** A folder as it would be in the library: nothing of it is written down. */
export interface Survey {
  readonly path: string;
  readonly images: readonly ImageRecord[];
  /** The library with everything that was found. */
  readonly library: Library;
  readonly world: ImageWorld;
  readonly outside: readonly OutsideFile[];
  /** Paths of files that have another name somewhere (a hard link). */
  readonly linked: ReadonlySet<string>;
  readonly unreadable: readonly Problem[];
}

const isDiskLike = ({ header, stat }: Inspected): boolean =>
  header.kind !== 'raw' || (stat.size > 0n && stat.size % 512n === 0n);

/** Known to the library already, or a new record; null: no image. */
const lookAt = async (
  { dataDir, library }: LibraryAccess,
  path: string,
  stat: FileStat,
  counts: (inspected: Inspected) => boolean,
): Promise<ImageRecord | null> => {
  const known = library.byKey(statKey(stat)) ?? library.byPath(path);
  if (known !== undefined) return known;
  if (stat.size === 0n || isForbidden(path, dataDir)) return null;
  const inspected = await inspectFile(path);
  return counts(inspected) ? newRecord(path, inspected) : null;
};

/** Files that an overlay in the survey names, and that are in no library yet. */
const namedFiles = (library: Library): Map<string, ImageRecord[]> => {
  const named = new Map<string, ImageRecord[]>();
  for (const record of library.all()) {
    const resolved = library.backingOf(record.id);
    if (resolved?.target.kind !== 'file' || resolved.key === null || !resolved.regular) continue;
    if (library.byKey(resolved.key) !== undefined) continue;
    named.set(resolved.target.path, [...(named.get(resolved.target.path) ?? []), record]);
  }
  return named;
};

const whyNotOutside = (
  path: string,
  stat: FileStat,
  inspected: Inspected,
  dataDir: string,
): string | null => {
  if (isForbidden(path, dataDir)) return 'It belongs to the system or to Strata itself.';
  if (formatOf(inspected.header) === null || !isDiskLike(inspected))
    return 'It is no disk image that Strata takes.';
  const [flaw] = inspected.header.problems;
  if (flaw !== undefined) return flaw.message;
  return stat.nlink > 1n ? 'It has another name elsewhere (a hard link).' : null;
};

const lookOutside = async (path: string, dataDir: string): Promise<OutsideFile> => {
  const stat = await lstat(path, { bigint: true });
  // What lies in a forbidden place is not even opened.
  if (isForbidden(path, dataDir))
    return { path, record: null, why: 'It belongs to the system or to Strata itself.' };
  const inspected = await inspectFile(path);
  const why = whyNotOutside(path, stat, inspected, dataDir);
  return { path, record: why === null ? newRecord(path, inspected) : null, why };
};

/** Reads names and headers; changes nothing. `outside`: whether files elsewhere that are stood on belong to it. */
export const surveyFolder = async (
  access: LibraryAccess,
  path: string,
  outside: boolean,
): Promise<Survey> => {
  const { dataDir } = access;
  const { files, problems: unreadable } = await walkFolder(path, new Set([dataDir]));
  const here = [...files].filter(([file]) => isWithin(file, path));
  const library = new Library({
    images: () => [...access.library.all()],
    write: () => {},
    trash: () => [],
  });
  const world = new ImageWorld(library, access.memory);
  const found = new Map<string, ImageRecord>();
  const take = (record: ImageRecord | null): void => {
    if (record === null || found.has(record.id)) return;
    if (library.byKey(`${record.identity.device}:${record.identity.inode}`) === undefined)
      library.change([record]);
    found.set(record.id, record);
  };
  const looked = await mapBounded(here, 24, ([file, stat]) =>
    lookAt(access, file, stat, (inspected) => isImage(inspected, file, [{ path }])).catch(
      (error: unknown) => {
        const words = error instanceof Error ? error.message : String(error);
        unreadable.push({ code: 'file-unreadable', message: `${words}.` });
        return null;
      },
    ),
  );
  for (const record of looked) take(record);
  const others = new Map<string, OutsideFile>();
  for (let round = 0; round < maxDepth; round += 1) {
    await resolveBackings(library, library.all());
    const before = found.size + others.size;
    for (const [named, overlays] of namedFiles(library)) {
      if (
        !overlays.some(
          ({ id }) => found.has(id) || [...others.values()].some((each) => each.record?.id === id),
        )
      )
        continue;
      const stat = files.get(named);
      // A raw disk may have any name, if an overlay stands on it and it looks like one.
      if (stat !== undefined && isWithin(named, path))
        take(await lookAt(access, named, stat, isDiskLike).catch(() => null));
      else if (!others.has(named)) {
        const file = await lookOutside(named, dataDir).catch(
          (): OutsideFile => ({ path: named, record: null, why: 'It cannot be read.' }),
        );
        others.set(named, file);
        if (outside && file.record !== null) library.change([file.record]);
      }
    }
    if (found.size + others.size === before) break;
  }
  await resolveBackings(library, library.all());
  return {
    ...{ path, library, world, unreadable },
    images: [...found.values()].sort((one, other) => (one.path < other.path ? -1 : 1)),
    outside: [...others.values()],
    linked: new Set(here.filter(([, { nlink }]) => nlink > 1n).map(([file]) => file)),
  };
};
