import type { LayerId } from '../forest.ts';
import type { DeleteSnapshotsPlan } from '../operations/delete-snapshots.ts';
import type { ChainPlan, ContinuePlan } from '../plan.ts';
import { type Clusters, imageOf, type Model, type ModelImage, readCluster } from './model.ts';

export interface Applied {
  readonly model: Model;
  /** What the job copied, explicit zeros included. */
  readonly copiedBytes: number;
}

const replace = (model: Model, image: ModelImage): Model => ({
  ...model,
  images: model.images.map((other) => (other.id === image.id ? image : other)),
});

/** The layers from `first` down to the one above `end`. */
function stretch(model: Model, first: LayerId | null, end: LayerId | null): readonly ModelImage[] {
  const found: ModelImage[] = [];
  for (let next = first; next !== null && next !== end; ) {
    const image = imageOf(model, next);
    found.push(image);
    next = image.backing;
  }
  return found;
}

/**
 * QEMU's bdrv_is_allocated_above: whether any of `layers` (top first) holds the cluster, counting a lower one that
 * ends before it; but not the first one, for which the question is meaningless there.
 */
function isAllocatedAbove(layers: readonly ModelImage[], cluster: number): boolean {
  for (const [index, image] of layers.entries()) {
    if (cluster >= image.length) return index > 0;
    if (image.clusters[cluster] !== undefined) return true;
  }
  return false;
}

/** Compacting: what is stored as zeros becomes a mark; over nothing it need not even be that. */
function compacted(model: Model, id: LayerId): Model {
  const image = imageOf(model, id);
  const clusters = Object.entries(image.clusters).filter(
    ([, value]) => value !== 0 || image.backing !== null,
  );
  return replace(model, { ...image, clusters: Object.fromEntries(clusters) });
}

/** Growing an image over a longer backing writes zeros, so that the backing does not shine through (bdrv_co_truncate). */
function grown(model: Model, image: ModelImage, length: number): ModelImage {
  if (length <= image.length) return image;
  const backingLength = image.backing === null ? 0 : imageOf(model, image.backing).length;
  const clusters: Record<number, number> = { ...image.clusters };
  if (backingLength > image.length)
    for (let cluster = image.length; cluster < length; cluster += 1) clusters[cluster] = 0;
  return { ...image, length, clusters };
}

/** block-commit of QEMU 7.2, intermediate and active alike: into `base` goes what is allocated above it, read from `top`. */
export function blockCommit(model: Model, top: LayerId, base: LayerId): Applied {
  const merged = stretch(model, top, base);
  const { length } = imageOf(model, top);
  const target = grown(model, imageOf(model, base), length);
  const clusters: Record<number, number> = { ...target.clusters };
  let copied = 0;
  for (let cluster = 0; cluster < length; cluster += 1) {
    if (!isAllocatedAbove(merged, cluster)) continue;
    clusters[cluster] = readCluster(model, top, cluster);
    copied += 1;
  }
  return { model: replace(model, { ...target, clusters }), copiedBytes: copied * model.clusterSize };
}

/** block-stream of QEMU 7.2: into the image goes what the layers between it and `backing` hold; its link is rewritten. */
export function blockStream(model: Model, into: LayerId, backing: LayerId | null): Applied {
  const image = imageOf(model, into);
  const passed = stretch(model, image.backing, backing);
  const clusters: Record<number, number> = { ...image.clusters };
  let copied = 0;
  for (let cluster = 0; cluster < image.length; cluster += 1) {
    if (clusters[cluster] !== undefined || !isAllocatedAbove(passed, cluster)) continue;
    clusters[cluster] = readCluster(model, image.backing, cluster);
    copied += 1;
  }
  return {
    model: replace(model, { ...image, clusters: clusters as Clusters, backing }),
    copiedBytes: copied * model.clusterSize,
  };
}

/** A safe rebase (`qemu-img rebase`): what the two backings show differently goes into the image. */
export function copyDifferences(model: Model, id: LayerId, backing: LayerId | null): Applied {
  const image = imageOf(model, id);
  const clusters: Record<number, number> = { ...image.clusters };
  let copied = 0;
  for (let cluster = 0; cluster < image.length; cluster += 1) {
    const now = readCluster(model, image.backing, cluster);
    if (clusters[cluster] !== undefined || now === readCluster(model, backing, cluster)) continue;
    clusters[cluster] = now;
    copied += 1;
  }
  return {
    model: replace(model, { ...image, clusters, backing }),
    copiedBytes: copied * model.clusterSize,
  };
}

function runJob(model: Model, plan: ChainPlan): Applied {
  if (plan.parts !== undefined)
    return plan.parts.reduce<Applied>(
      (done, part) => {
        const next = runJob(done.model, part);
        return { model: next.model, copiedBytes: done.copiedBytes + next.copiedBytes };
      },
      { model, copiedBytes: 0 },
    );
  if (plan.operation === 'compact') return { model: compacted(model, plan.grows.layer), copiedBytes: 0 };
  if (plan.method === 'trash' || plan.method === 'relink') return { model, copiedBytes: 0 };
  const isPull = plan.operation === 'pull' || plan.operation === 'flatten' || plan.method === 'pull';
  const [link] = plan.relinks;
  if (isPull || plan.method === 'copy') {
    if (link === undefined) throw new Error('a pull relinks its layer');
    return (isPull ? blockStream : copyDifferences)(model, link.layer, link.to);
  }
  const [top] = plan.deletes;
  if (top === undefined) throw new Error('a commit deletes the layers it merged');
  return blockCommit(model, top, plan.grows.layer);
}

/** Merged files are gone for good; what is merely unused goes to the trash, and may come back. */
const disposed = (
  images: readonly ModelImage[],
  deleted: ReadonlySet<LayerId>,
  toTrash: boolean,
): readonly ModelImage[] =>
  toTrash
    ? images.map((image) => (deleted.has(image.id) ? { ...image, trashed: true } : image))
    : images.filter((image) => !deleted.has(image.id));

/**
 * Carries out exactly what a plan says, whether or not it has blockers. With `unlink: false` the files of
 * `deletes` stay, so that one can see what their readers would have read.
 */
export function applyPlan(model: Model, plan: ChainPlan, { unlink } = { unlink: true }): Applied {
  const done = runJob(model, plan);
  const links = new Map(plan.relinks.map((relink) => [relink.layer, relink.to]));
  const deleted = new Set(unlink ? plan.deletes : []);
  const lost = new Set(plan.losesSnapshots.map((snapshot) => snapshot.id));
  const repoint = (snapshotId: string, from: LayerId): LayerId =>
    plan.repointsSnapshots.find((item) => item.snapshotId === snapshotId && item.from === from)?.to ?? from;
  const continues = (vmId: string, diskId: string, from: LayerId): LayerId =>
    plan.switches.find((item) => item.vmId === vmId && item.diskId === diskId)?.to ?? from;
  return {
    copiedBytes: done.copiedBytes,
    model: {
      ...done.model,
      images: disposed(done.model.images, deleted, plan.operation === 'pull').map((image) => {
        const backing = links.get(image.id);
        return backing === undefined ? image : { ...image, backing };
      }),
      vms: done.model.vms.map((vm) => ({
        ...vm,
        disks: vm.disks.map(({ diskId, imageId }) => ({
          diskId,
          imageId: continues(vm.id, diskId, imageId),
        })),
      })),
      snapshots: done.model.snapshots
        .filter((snapshot) => !lost.has(snapshot.id))
        .map((snapshot) => ({
          ...snapshot,
          disks: snapshot.disks.map((disk) =>
            disk.internalTag === undefined ? { ...disk, imageId: repoint(snapshot.id, disk.imageId) } : disk,
          ),
        })),
    },
  };
}

/** Each merge in its turn, then the files that go; the restore points go with what they showed. */
export function applyDeleteSnapshots(model: Model, plan: DeleteSnapshotsPlan): Applied {
  const lost = new Set(plan.losesSnapshots.map(({ id }) => id));
  let done: Applied = {
    model: { ...model, snapshots: model.snapshots.filter(({ id }) => !lost.has(id)) },
    copiedBytes: 0,
  };
  for (const merge of plan.merges) {
    const { model: next, copiedBytes } = applyPlan(done.model, merge.plan);
    done = { model: next, copiedBytes: done.copiedBytes + copiedBytes };
  }
  let images = done.model.images;
  for (const { layer, toTrash } of plan.disposals) images = disposed(images, new Set([layer]), toTrash);
  return { ...done, model: { ...done.model, images } };
}

/** Carries out a revert or a promote; `keepAs` names the snapshot of the current state, `newId` the overlays. */
export function applyRevert(
  model: Model,
  plan: ContinuePlan,
  keepAs: string,
  newId: (diskId: string) => LayerId,
): Model {
  const deleted = new Set(plan.deletes);
  const overlays = plan.overlays.map(
    ({ diskId, backing, virtualSize }): ModelImage => ({
      id: newId(diskId),
      format: 'qcow2',
      length: virtualSize / model.clusterSize,
      backing,
      clusters: {},
      internal: [],
    }),
  );
  const switched = new Map([
    ...plan.overlays.map(({ diskId }) => [diskId, newId(diskId)] as const),
    ...plan.switches.map(({ diskId, to }) => [diskId, to] as const),
  ]);
  return {
    ...model,
    images: [...disposed(model.images, deleted, true), ...overlays],
    vms: model.vms.map((vm) =>
      vm.id === plan.vm.vmId
        ? {
            ...vm,
            disks: vm.disks.map(({ diskId, imageId }) => ({
              diskId,
              imageId: switched.get(diskId) ?? imageId,
            })),
          }
        : vm,
    ),
    snapshots:
      plan.keeps.length === 0
        ? model.snapshots
        : [...model.snapshots, { id: keepAs, vmId: plan.vm.vmId, disks: plan.keeps }],
  };
}
