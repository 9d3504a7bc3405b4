import { realpath, stat } from 'node:fs/promises';
import { normalize } from 'node:path';
import { resolveBacking } from '@strata/disk-image';
import { type FileStat, type ImageRecord, statKey } from './image-record.ts';
import type { Library, ResolvedBacking } from './library.ts';
import { mapBounded } from './map-bounded.ts';

/** Looks, and opens nothing: a path may be a FIFO, a device or somebody's secret. */
export const resolveBackingOf = async (
  record: ImageRecord,
  lookAt: (path: string) => Promise<ResolvedBacking> = lookAtFile,
): Promise<ResolvedBacking | null> => {
  if (record.facts.backing === null) return null;
  const target = resolveBacking(record.path, record.facts.backing.string);
  return target.kind === 'foreign' ? { target, key: null, regular: false } : lookAt(target.path);
};

const lookAtFile = async (name: string): Promise<ResolvedBacking> => {
  try {
    const path = await realpath(name);
    const found = await stat(path, { bigint: true });
    return { target: { kind: 'file', path }, key: statKey(found), regular: found.isFile() };
  } catch {
    return { target: { kind: 'file', path: normalize(name) }, key: null, regular: false };
  }
};

/** Where every backing string leads now; files come and go without their overlays changing. */
export const resolveBackings = async (
  library: Library,
  records: Iterable<ImageRecord>,
  /** Regular files by their real paths that were looked at a moment ago. */
  files: ReadonlyMap<string, FileStat> = new Map(),
): Promise<void> => {
  // Many overlays stand on one base: it is looked at once.
  const seen = new Map<string, Promise<ResolvedBacking>>();
  for (const [path, stat] of files)
    seen.set(path, Promise.resolve({ target: { kind: 'file', path }, key: statKey(stat), regular: true }));
  const lookAt = (path: string): Promise<ResolvedBacking> => {
    const known = seen.get(path) ?? lookAtFile(path);
    seen.set(path, known);
    return known;
  };
  await mapBounded([...records], 16, async (record) => {
    const resolved = await resolveBackingOf(record, lookAt);
    if (library.get(record.id) === record) library.setBacking(record.id, resolved);
  });
};
