import { realpath, stat } from 'node:fs/promises';
import { normalize } from 'node:path';
import { resolveBacking } from '@strata/disk-image';
import { type ImageRecord, statKey } from './image-record.ts';
import type { Library, ResolvedBacking } from './library.ts';
import { mapBounded } from './map-bounded.ts';

/** Looks, and opens nothing: a path may be a FIFO, a device or somebody's secret. */
export const resolveBackingOf = async (record: ImageRecord): Promise<ResolvedBacking | null> => {
  if (record.facts.backing === null) return null;
  const target = resolveBacking(record.path, record.facts.backing.string);
  if (target.kind === 'foreign') return { target, key: null, regular: false };
  try {
    const path = await realpath(target.path);
    const found = await stat(path, { bigint: true });
    return { target: { kind: 'file', path }, key: statKey(found), regular: found.isFile() };
  } catch {
    return { target: { kind: 'file', path: normalize(target.path) }, key: null, regular: false };
  }
};

/** Where every backing string leads now; files come and go without their overlays changing. */
export const resolveBackings = async (library: Library, records: Iterable<ImageRecord>): Promise<void> => {
  await mapBounded([...records], 16, async (record) => {
    const resolved = await resolveBackingOf(record);
    if (library.get(record.id) === record) library.setBacking(record.id, resolved);
  });
};
