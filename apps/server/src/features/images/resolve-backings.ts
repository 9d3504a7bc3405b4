import { realpath, stat } from 'node:fs/promises';
import { normalize } from 'node:path';
import { resolveBacking } from '@strata/disk-image';
import { type FileStat, fileKey, type ImageRecord, statKey } from './image-record.ts';
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

/**
 * Whether a backing string leads where it led, without looking: to a file that was looked at a moment ago (`seen`), by the
 * very path under which it was found there.
 */
export const leadsWhereItLed = (
  library: Library,
  seen: readonly ImageRecord[],
): ((record: ImageRecord) => boolean) => {
  const there = new Map(seen.filter(({ present }) => present).map((record) => [record.path, record]));
  return ({ id, path, facts }) => {
    const led = library.backingOf(id);
    if (facts.backing === null || led?.target.kind !== 'file') return false;
    const target = resolveBacking(path, facts.backing.string);
    if (target.kind !== 'file' || target.path !== led.target.path) return false;
    const below = there.get(target.path);
    return below !== undefined && led.regular && led.key === fileKey(below.identity);
  };
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
