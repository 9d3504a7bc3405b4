/** An image's id; opaque here. */
export type LayerId = string;

/** One image seen as a member of a chain. Facts of its header and file, nothing else. */
export interface Layer {
  readonly id: LayerId;
  readonly name: string;
  readonly path: string;
  readonly format: string;
  /** Bytes. */
  readonly virtualSize: number;
  /** Bytes the file takes on its file system. */
  readonly allocatedBytes: number;
  readonly backingId: LayerId | null;
  /** `none`: a base. `foreign`: the header names something that is not a file of the library's kinds. */
  readonly backingState: 'none' | 'ok' | 'missing' | 'foreign' | 'cycle';
  readonly internalSnapshots: readonly { readonly id: string; readonly tag: string }[];
  /** False when the file's permissions or its format forbid writing. */
  readonly writable: boolean;
  readonly present: boolean;
  /** Bytes of one cluster, where the format has clusters and the header was read: makes `grows` of a plan an upper bound. */
  readonly clusterSize?: number;
}

export interface DiskUse {
  readonly vmId: string;
  readonly vmName: string;
  readonly diskId: string;
  readonly imageId: LayerId;
  /** True while a QEMU process of this VM exists, whatever the state of its guest. */
  readonly running: boolean;
  /** True while a saved memory state waits for exactly these bytes. */
  readonly suspended: boolean;
}
export interface MediaUse {
  readonly vmId: string;
  readonly vmName: string;
  readonly slot: string;
  readonly imageId: LayerId;
}
export interface SnapshotUse {
  readonly snapshotId: string;
  readonly name: string;
  readonly vmId: string;
  readonly vmName: string;
  readonly imageId: LayerId;
  readonly internalTag?: string;
}
/** An unfinished operation that works on a layer. */
export interface OperationUse {
  readonly operationId: string;
  readonly title: string;
  readonly imageId: LayerId;
  /** It changes the layer, or its file; otherwise it only reads it. */
  readonly changes: boolean;
}
/** Another program reads what a layer shows, through its whole chain, or writes it. */
export interface ExportUse {
  readonly exportId: string;
  /** `inside`: a person looks at its files. An export when left out. */
  readonly kind?: 'export' | 'inside';
  readonly name: string;
  readonly imageId: LayerId;
  readonly writes: boolean;
}
/** A deleted image, until it is deleted for good: it may be restored, and then it must read what it read. */
export interface TrashUse {
  readonly trashId: string;
  readonly name: string;
  /** The layer it stands on; this may lie in the trash itself. */
  readonly imageId: LayerId;
}

/**
 * All layers Strata knows, and all that stands on them. Immutable: a planner reads it and answers what the
 * world would be, it changes nothing.
 */
export interface Forest {
  readonly layers: ReadonlyMap<LayerId, Layer>;
  readonly disks: readonly DiskUse[];
  readonly media: readonly MediaUse[];
  readonly snapshots: readonly SnapshotUse[];
  readonly operations: readonly OperationUse[];
  readonly exports: readonly ExportUse[];
  readonly trashed: readonly TrashUse[];
  /** False when a folder could not be read: then nobody can say who stands on what, and commits are refused. */
  readonly complete: boolean;
}

/** Chains longer than this are refused: QEMU opens every layer, and each costs descriptors and time at every read. */
export const maxDepth = 256;
/** From this depth on a person is told to merge layers. */
export const warnDepth = 30;

export interface Chain {
  /** Top first. */
  readonly layers: readonly Layer[];
  /** `complete`: down to a base. Otherwise why the walk stopped after the last of `layers`. */
  readonly end: 'complete' | 'missing' | 'foreign' | 'cycle' | 'too-deep';
}

const overlayIndexes = new WeakMap<Forest['layers'], ReadonlyMap<LayerId, readonly Layer[]>>();

function overlayIndex(forest: Forest): ReadonlyMap<LayerId, readonly Layer[]> {
  const known = overlayIndexes.get(forest.layers);
  if (known !== undefined) return known;
  const index = new Map<LayerId, Layer[]>();
  for (const layer of forest.layers.values()) {
    if (layer.backingId === null) continue;
    const siblings = index.get(layer.backingId);
    if (siblings === undefined) index.set(layer.backingId, [layer]);
    else siblings.push(layer);
  }
  overlayIndexes.set(forest.layers, index);
  return index;
}

/** The layers directly above: every image whose header names this one as its backing. */
export function overlaysOf(forest: Forest, id: LayerId): readonly Layer[] {
  return overlayIndex(forest).get(id) ?? [];
}

/** From a layer down to its base. Empty with `missing` when the layer itself is unknown. Never endless: a cycle ends it. */
export function chainOf(forest: Forest, id: LayerId): Chain {
  const layers: Layer[] = [];
  const seen = new Set<LayerId>();
  let next: LayerId | null = id;
  while (next !== null) {
    if (seen.has(next)) return { layers, end: 'cycle' };
    const layer: Layer | undefined = forest.layers.get(next);
    if (layer === undefined) return { layers, end: 'missing' };
    if (layers.length === maxDepth) return { layers, end: 'too-deep' };
    seen.add(next);
    layers.push(layer);
    if (!layer.present) return { layers, end: 'missing' };
    if (layer.backingState === 'cycle') return { layers, end: 'cycle' };
    if (layer.backingState === 'foreign') return { layers, end: 'foreign' };
    if (layer.backingState === 'missing') return { layers, end: 'missing' };
    if (layer.backingState === 'ok' && layer.backingId === null) return { layers, end: 'missing' };
    next = layer.backingId;
  }
  return { layers, end: 'complete' };
}

export const chainIds = (forest: Forest, id: LayerId): readonly LayerId[] =>
  chainOf(forest, id).layers.map((layer) => layer.id);

/** How many layers a reader of this one goes through, itself included. */
export const depthOf = (forest: Forest, id: LayerId): number => chainOf(forest, id).layers.length;

export const depthWarning = (depth: number): 'none' | 'warn' | 'too-deep' =>
  depth > maxDepth ? 'too-deep' : depth >= warnDepth ? 'warn' : 'none';

/** The layer itself and all that is above it, over however many overlays; breadth first. */
export function withDescendants(forest: Forest, id: LayerId): readonly Layer[] {
  const root = forest.layers.get(id);
  if (root === undefined) return [];
  const found = new Map<LayerId, Layer>([[id, root]]);
  for (const layer of found.values())
    for (const overlay of overlaysOf(forest, layer.id)) found.set(overlay.id, overlay);
  return [...found.values()];
}

/** Where chains end upwards from a layer: leaves, and layers that are the active layer of a disk. */
export function tipsOf(forest: Forest, id: LayerId): readonly Layer[] {
  const active = new Set(forest.disks.map((disk) => disk.imageId));
  return withDescendants(forest, id).filter(
    (layer) => active.has(layer.id) || overlaysOf(forest, layer.id).length === 0,
  );
}

/** Each ring of layers that back each other, once; its order is downwards. */
export function detectCycles(forest: Forest): readonly (readonly LayerId[])[] {
  const done = new Set<LayerId>();
  const cycles: LayerId[][] = [];
  for (const start of forest.layers.keys()) {
    const path = new Map<LayerId, number>();
    let next: LayerId | null = start;
    while (next !== null && !done.has(next) && !path.has(next)) {
      path.set(next, path.size);
      next = forest.layers.get(next)?.backingId ?? null;
    }
    const entry = next === null ? undefined : path.get(next);
    if (entry !== undefined) cycles.push([...path.keys()].slice(entry));
    for (const id of path.keys()) done.add(id);
  }
  return cycles;
}

export type LayerRole = 'base' | 'layer' | 'active' | 'media' | 'orphan';

/**
 * What a layer is to its forest, the one that matters most to a person first: a base that a VM writes is
 * both `active` and `base`. An image that nothing has to do with is a base on which nothing stands yet.
 * `orphan`: its backing cannot be found.
 */
export function rolesOf(forest: Forest, id: LayerId): readonly LayerRole[] {
  const layer = forest.layers.get(id);
  if (layer === undefined) return [];
  const roles: LayerRole[] = [];
  if (forest.disks.some((disk) => disk.imageId === id)) roles.push('active');
  if (forest.media.some((medium) => medium.imageId === id)) roles.push('media');
  const overlays = overlaysOf(forest, id);
  if (layer.backingState === 'none' && layer.backingId === null) {
    if (overlays.length > 0) roles.push('base');
  } else if (layer.backingState === 'ok') roles.push('layer');
  if (layer.backingState !== 'none' && layer.backingState !== 'ok') roles.push('orphan');
  return roles.length === 0 ? ['base'] : roles;
}
