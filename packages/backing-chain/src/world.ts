import { type ExtentList, union } from './extents.ts';
import { chainOf, type Forest, type Layer, type LayerId } from './forest.ts';
import { allOf, committedParts, pulledParts } from './operations/moved-extents.ts';
import type { Allocation, ChainPlan } from './plan.ts';

/** A forest and what its layers hold: all that the next operation of a sequence is planned on. */
export interface World {
  readonly forest: Forest;
  readonly allocation: Allocation;
}

const withLayers = (forest: Forest, changed: readonly Layer[], gone: ReadonlySet<LayerId>): Forest => {
  const layers = new Map(forest.layers);
  for (const layer of changed) layers.set(layer.id, layer);
  for (const id of gone) layers.delete(id);
  return { ...forest, layers };
};

const holding = (allocation: Allocation, id: LayerId, more: ExtentList): Allocation =>
  new Map(allocation).set(id, union(allocation.get(id) ?? [], more));

/** Commit: base holds what was above it too, is as long as top at least, and everything of top goes on from it. */
function afterCommit({ forest, allocation }: World, plan: ChainPlan): World {
  const base = forest.layers.get(plan.grows.layer);
  const merged = plan.deletes.flatMap((id) => forest.layers.get(id) ?? []);
  const [top] = merged;
  if (base === undefined || top === undefined) return { forest, allocation };
  const virtualSize = Math.max(base.virtualSize, top.virtualSize);
  const grown = { ...base, virtualSize, allocatedBytes: base.allocatedBytes + plan.grows.bytes };
  const below = base.backingId === null ? undefined : forest.layers.get(base.backingId);
  // Growing over a longer backing writes zeros, so that it does not shine through.
  const tail: ExtentList =
    virtualSize > base.virtualSize && (below?.virtualSize ?? 0) > base.virtualSize
      ? [[base.virtualSize, virtualSize - base.virtualSize]]
      : [];
  return {
    forest: withLayers(forest, [grown], new Set(plan.deletes)),
    allocation: holding(allocation, base.id, union(allOf(committedParts(merged, allocation)), tail)),
  };
}

function afterPull({ forest, allocation }: World, plan: ChainPlan): World {
  const [link] = plan.relinks;
  const [into, ...below] = link === undefined ? [] : chainOf(forest, link.layer).layers;
  if (link === undefined || into === undefined) return { forest, allocation };
  const end = below.findIndex((layer) => layer.id === link.to);
  const passed = end < 0 ? below : below.slice(0, end);
  const grown = { ...into, allocatedBytes: into.allocatedBytes + plan.grows.bytes };
  return {
    forest: withLayers(forest, [grown], new Set()),
    allocation: holding(allocation, into.id, allOf(pulledParts(into, passed, allocation))),
  };
}

/** What a commit or a pull leaves: exactly what its plan says, so that the next one can be planned on it. */
export function worldAfter(world: World, plan: ChainPlan): World {
  const { forest, allocation } = (plan.operation === 'commit' ? afterCommit : afterPull)(world, plan);
  const lost = new Set(plan.losesSnapshots.map(({ id }) => id));
  const relinked = plan.relinks.flatMap(({ layer: id, to }): Layer[] => {
    const layer = forest.layers.get(id);
    if (layer === undefined) return [];
    return [{ ...layer, backingId: to, backingState: to === null ? 'none' : 'ok' }];
  });
  return {
    allocation,
    forest: {
      ...withLayers(forest, relinked, new Set()),
      disks: forest.disks.map((disk) => {
        const moved = plan.switches.find(({ vmId, diskId }) => vmId === disk.vmId && diskId === disk.diskId);
        return moved === undefined ? disk : { ...disk, imageId: moved.to };
      }),
      snapshots: forest.snapshots
        .filter((use) => !lost.has(use.snapshotId))
        .map((use) => {
          const moved = plan.repointsSnapshots.find(
            ({ snapshotId, from }) => snapshotId === use.snapshotId && from === use.imageId,
          );
          return moved === undefined || use.internalTag !== undefined ? use : { ...use, imageId: moved.to };
        }),
    },
  };
}

/** One file goes; from the trash it may come back. */
export function worldWithout({ forest, allocation }: World, id: LayerId, toTrash: boolean): World {
  const layer = forest.layers.get(id);
  if (layer === undefined) return { forest, allocation };
  const trashed =
    toTrash && layer.backingId !== null
      ? [...forest.trashed, { trashId: id, name: layer.name, imageId: layer.backingId }]
      : forest.trashed;
  return { forest: { ...withLayers(forest, [], new Set([id])), trashed }, allocation };
}

/** The tags of these snapshots go from the files of their layers, with their names; nothing else changes. */
export function worldWithoutTags({ forest, allocation }: World, snapshotIds: readonly string[]): World {
  const gone = forest.snapshots.filter(({ snapshotId }) => snapshotIds.includes(snapshotId));
  const layers = gone.flatMap(({ imageId }): Layer[] => {
    const layer = forest.layers.get(imageId);
    if (layer === undefined) return [];
    const tags = gone.flatMap((use) => (use.imageId === imageId ? [use.internalTag] : []));
    const left = layer.internalSnapshots.filter(({ tag }) => !tags.includes(tag));
    return [{ ...layer, internalSnapshots: left }];
  });
  const snapshots = forest.snapshots.filter(({ snapshotId }) => !snapshotIds.includes(snapshotId));
  return { forest: { ...withLayers(forest, layers, new Set()), snapshots }, allocation };
}
