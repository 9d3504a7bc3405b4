import { stat } from 'node:fs/promises';
import { readHeldApart } from '@strata/disk-image';
import type { ImagesService } from '../images/images.types.ts';
import type { StoredSnapshot } from './snapshots.types.ts';

export interface HeldSizesDeps {
  readonly images: Pick<ImagesService, 'facts' | 'allocation'>;
  /** More is known now than at the last answer. */
  readonly learned: (snapshotId: string) => void;
}
type ByTag = ReadonlyMap<string, number> | null;
type Known = { readonly identity: string | null; readonly bytes: ByTag };

/** The times of a file move in steps: within one, it may be written once more and look the same. */
const stepMs = 1000;

/** Null: written so lately that it may change unseen. */
const identityOf = async (path: string): Promise<string | null> => {
  const { dev, ino, size, mtimeNs, ctimeNs, ctimeMs } = await stat(path, { bigint: true });
  if (Math.abs(Date.now() - Number(ctimeMs)) < stepMs) return null;
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
};

/** Never more than all that the file takes: a cluster of it may be a hole. */
const readHeld = async (
  images: HeldSizesDeps['images'],
  imageId: string,
  groupOf: (tag: string) => string,
): Promise<ByTag> => {
  // A running VM then writes down what it knows of its own layer.
  await images.allocation(imageId);
  const { path, allocatedSize } = images.facts(imageId);
  const held = await readHeldApart(path, ({ tag }) => groupOf(tag));
  return held && new Map([...held].map(([group, bytes]) => [group, Math.min(bytes, allocatedSize)]));
};

const isSame = (one: ByTag, other: ByTag): boolean =>
  JSON.stringify([...(one ?? [])]) === JSON.stringify([...(other ?? [])]);

/** What is free when all these tags go; null where one of the files does not tell. */
export const heldTogether = async (
  images: HeldSizesDeps['images'],
  snapshots: readonly StoredSnapshot[],
): Promise<number | null> => {
  const disks = snapshots.flatMap((snapshot) => snapshot.disks);
  let sum = 0;
  for (const imageId of new Set(disks.map((disk) => disk.imageId))) {
    const tags = new Set(disks.filter((disk) => disk.imageId === imageId).map((disk) => disk.internalTag));
    // No other group is called like this: a tag cannot have an empty name.
    const held = await readHeld(images, imageId, (tag) => (tags.has(tag) ? '' : tag)).catch(() => null);
    if (held === null) return null;
    sum += held.get('') ?? 0;
  }
  return sum;
};

/**
 * What each internal snapshot alone holds inside its layers. The tree asks for hundreds of them, so no file is looked at
 * for an answer: that comes from what is known, and the files are looked at afterwards, and read when they have changed.
 */
export const createHeldSizes = ({ images, learned }: HeldSizesDeps) => {
  const known = new Map<string, Known>();
  const asked = new Map<string, string>();
  let isLooking = false;
  /** A VM changes its file all the time: most of the time goes by without reading. */
  let notBefore = 0;

  const look = async (imageId: string): Promise<boolean> => {
    const before = known.get(imageId);
    const identity = await identityOf(images.facts(imageId).path);
    if (identity !== null && before?.identity === identity) return false;
    const bytes = await readHeld(images, imageId, (tag) => tag);
    known.set(imageId, { identity, bytes });
    return before === undefined || !isSame(before.bytes, bytes);
  };

  const lookAtAll = async (): Promise<void> => {
    const begun = Date.now();
    let first: string | null = null;
    for (const [imageId, snapshotId] of asked) {
      asked.delete(imageId);
      try {
        if (await look(imageId)) first ??= snapshotId;
      } catch {
        // Gone, or unreadable, or the server ends: it stays as it was.
      }
    }
    notBefore = Date.now() + 10 * (Date.now() - begun);
    isLooking = false;
    if (first !== null) learned(first);
  };

  return ({ id, disks }: StoredSnapshot): number | null => {
    let sum: number | null = 0;
    for (const { imageId, internalTag } of disks) {
      asked.set(imageId, id);
      const held = known.get(imageId)?.bytes?.get(internalTag ?? '');
      sum = sum === null || held === undefined ? null : sum + held;
    }
    if (!isLooking) {
      isLooking = true;
      setTimeout(() => void lookAtAll(), Math.max(0, notBefore - Date.now())).unref();
    }
    return sum;
  };
};
