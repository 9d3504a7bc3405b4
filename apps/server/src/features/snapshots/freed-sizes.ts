import {
  type ExtentList,
  type Forest,
  growthOf,
  type LayerId,
  overlaysOf,
  subtract,
  totalLength,
} from '@strata/backing-chain';
import type { ImagesService } from '../images/images.types.ts';
import type { MemoryFreed } from './freed-memory.ts';
import type { StoredSnapshot } from './snapshots.types.ts';

/** What one layer and one on it have in common, as far as it matters here; bytes. */
interface Pair {
  /** Of the files when this was read: other sizes, other contents. */
  readonly key: string;
  /** Into the upper one goes so much, and it grows by so much. */
  readonly up: { readonly moved: number; readonly grows: number };
  readonly down: { readonly moved: number; readonly grows: number };
}

export interface FreedSizesDeps {
  readonly images: Pick<ImagesService, 'forest' | 'allocation'>;
  readonly memoryFreed: MemoryFreed;
  /** What an internal snapshot holds alone. */
  readonly held: (snapshot: StoredSnapshot) => number | null;
  /** More is known now than at the last answer. */
  readonly learned: (snapshotId: string) => void;
}

/** Who shows or writes a layer besides one snapshot; one walk for all. */
const needs = (forest: Forest): ((id: LayerId, snapshotId: string) => boolean) => {
  const showing = new Map<LayerId, Set<string>>();
  for (const { imageId, snapshotId } of forest.snapshots)
    showing.set(imageId, (showing.get(imageId) ?? new Set()).add(snapshotId));
  const used = new Set([...forest.disks, ...forest.media].map(({ imageId }) => imageId));
  return (id, snapshotId) =>
    used.has(id) || [...(showing.get(id) ?? [])].some((other) => other !== snapshotId);
};

const keyOf = (forest: Forest, lower: LayerId, upper: LayerId): string =>
  [lower, upper].map((id) => forest.layers.get(id)?.allocatedBytes).join(' ');

const compared = (
  forest: Forest,
  [lower, upper]: readonly [LayerId, LayerId],
  [below, above]: readonly [ExtentList, ExtentList],
): Pair => {
  const allocation = new Map([
    [lower, below],
    [upper, above],
  ]);
  const seen = subtract(below, above);
  const growth = (id: LayerId, moved: ExtentList): number => {
    const layer = forest.layers.get(id);
    return layer === undefined ? 0 : growthOf(layer, moved, allocation).bytes;
  };
  return {
    key: keyOf(forest, lower, upper),
    up: { moved: totalLength(seen), grows: growth(upper, seen) },
    down: { moved: totalLength(above), grows: growth(lower, above) },
  };
};

/**
 * What deleting a snapshot alone would give back. The tree asks for hundreds of them, so nothing is read for an answer:
 * what is not known yet is null, is read in the background, and is told by an event.
 */
export const createFreedSizes = ({ images, memoryFreed, held, learned }: FreedSizesDeps) => {
  const pairs = new Map<string, Pair>();
  const wanted = new Map<string, readonly [LayerId, LayerId, snapshotId: string]>();
  let reading = false;

  const readWanted = async (): Promise<void> => {
    let first: string | null = null;
    for (const [name, [lower, upper, snapshotId]] of wanted) {
      wanted.delete(name);
      try {
        const held = [await images.allocation(lower), await images.allocation(upper)] as const;
        pairs.set(name, compared(images.forest(), [lower, upper], held));
        first ??= snapshotId;
      } catch {
        // Gone, or unreadable, or the server ends: it stays unknown.
      }
    }
    reading = false;
    if (first !== null) learned(first);
  };

  /** After the answer, with all that it lacks. */
  const readSoon = (): void => {
    if (reading) return;
    reading = true;
    setTimeout(() => void readWanted(), 0).unref();
  };

  const pairOf = (forest: Forest, lower: LayerId, upper: LayerId, snapshotId: string): Pair | null => {
    const name = `${lower} ${upper}`;
    const known = pairs.get(name) ?? null;
    if (known?.key !== keyOf(forest, lower, upper)) {
      wanted.set(name, [lower, upper, snapshotId]);
      readSoon();
    }
    return known;
  };

  const ofLayer = (forest: Forest, id: LayerId, snapshotId: string): number | null => {
    const own = forest.layers.get(id)?.allocatedBytes ?? 0;
    const overlays = overlaysOf(forest, id);
    const known = overlays.map((overlay) => pairOf(forest, id, overlay.id, snapshotId));
    const [only] = known;
    if (only === null || known.includes(null)) return null;
    if (overlays.length !== 1 || only === undefined)
      return own - known.reduce((sum, pair) => sum + (pair?.up.grows ?? 0), 0);
    const above = forest.layers.get(overlays[0]?.id ?? '')?.allocatedBytes ?? 0;
    return only.up.moved <= only.down.moved ? own - only.up.grows : above - only.down.grows;
  };

  /** For the snapshots of one answer. */
  return (): ((snapshot: StoredSnapshot) => number | null) => {
    const forest = images.forest();
    const isNeeded = needs(forest);
    return (snapshot) => {
      const { id, kind, disks } = snapshot;
      let freed = memoryFreed([snapshot]);
      if (kind === 'internal') {
        const inside = held(snapshot);
        return inside === null ? null : inside + freed;
      }
      for (const { imageId } of disks) {
        const part = isNeeded(imageId, id) ? 0 : ofLayer(forest, imageId, id);
        if (part === null) return null;
        freed += Math.max(0, part);
      }
      return freed;
    };
  };
};
