import type { TrashUse } from '@strata/backing-chain';
import { resolveBacking } from '@strata/disk-image';
import type { TrashRow } from './images.repository.ts';
import type { Library } from './library.ts';

/** By its path, for what was deleted before the id was written down. */
const backingByPath = (item: TrashRow, items: readonly TrashRow[], library: Library): string | null => {
  const { backing } = item.image.facts;
  if (backing === null) return null;
  const target = resolveBacking(item.originalPath, backing.string);
  if (target.kind !== 'file') return null;
  const deleted = items.find(({ originalPath }) => originalPath === target.path);
  return library.byPath(target.path)?.id ?? deleted?.image.id ?? null;
};

/** Deleted overlays and the layers they stand on, which may be deleted themselves. */
export const trashUses = (items: readonly TrashRow[], library: Library): TrashUse[] =>
  items.flatMap((item) => {
    const imageId = item.backingId ?? backingByPath(item, items, library);
    return imageId === null ? [] : [{ trashId: item.id, name: item.name, imageId }];
  });
