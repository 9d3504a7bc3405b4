import { type ExtentList, normalize } from '../extents.ts';
import type { Forest, Layer, LayerId } from '../forest.ts';
import type { Allocation } from '../plan.ts';

/** Cluster number → value; 0 is an explicit zero that hides what is below. */
export type Clusters = Readonly<Record<number, number>>;

export interface ModelImage {
  readonly id: LayerId;
  readonly format: 'qcow2' | 'raw';
  /** Clusters. */
  readonly length: number;
  readonly backing: LayerId | null;
  readonly clusters: Clusters;
  /** Each is what the image held of its own when the tag was made; the rest it reads through the image's backing. */
  readonly internal: readonly {
    readonly tag: string;
    readonly length: number;
    readonly clusters: Clusters;
  }[];
  /** It lies in the trash: no layer, nobody reads it now, and it may be restored. */
  readonly trashed?: boolean;
}
export interface ModelVm {
  readonly id: string;
  readonly running: boolean;
  readonly suspended: boolean;
  readonly disks: readonly { readonly diskId: string; readonly imageId: LayerId }[];
  readonly media: readonly { readonly slot: string; readonly imageId: LayerId }[];
}
export interface ModelSnapshot {
  readonly id: string;
  readonly vmId: string;
  readonly disks: readonly {
    readonly diskId: string;
    readonly imageId: LayerId;
    readonly internalTag?: string;
  }[];
}
/** Plain data: can be printed, stored, and built as real files by the tests of the server. */
export interface Model {
  /** Bytes: the grain of everything. */
  readonly clusterSize: number;
  readonly images: readonly ModelImage[];
  readonly vms: readonly ModelVm[];
  readonly snapshots: readonly ModelSnapshot[];
}

export function imageOf(model: Model, id: LayerId): ModelImage {
  const image = model.images.find((candidate) => candidate.id === id);
  if (image === undefined) throw new Error(`the model has no image ${id}`);
  return image;
}

/** What a reader of the image gets at a cluster: QEMU reads zeros behind the end of any layer on the way down. */
export function readCluster(model: Model, id: LayerId | null, cluster: number): number {
  let next = id;
  while (next !== null) {
    const image = imageOf(model, next);
    if (cluster >= image.length) return 0;
    const own = image.clusters[cluster];
    if (own !== undefined) return own;
    next = image.backing;
  }
  return 0;
}

const reading = (model: Model, length: number, own: Clusters, backing: LayerId | null): readonly number[] =>
  Array.from({ length }, (_, cluster) => own[cluster] ?? readCluster(model, backing, cluster));

/** The whole image, from its first cluster to its last. */
export function readAll(model: Model, id: LayerId): readonly number[] {
  const image = imageOf(model, id);
  return reading(model, image.length, image.clusters, image.backing);
}

export function readInternal(model: Model, id: LayerId, tag: string): readonly number[] {
  const image = imageOf(model, id);
  const snapshot = image.internal.find((candidate) => candidate.tag === tag);
  if (snapshot === undefined) throw new Error(`${id} holds no tag ${tag}`);
  return reading(model, snapshot.length, snapshot.clusters, image.backing);
}

/** The same world as the planners see it: names are ids. */
export function forestOf(model: Model): Forest {
  const layers = model.images
    .filter((image) => image.trashed !== true)
    .map(
      (image): Layer => ({
        id: image.id,
        name: image.id,
        path: `/images/${image.id}.${image.format}`,
        format: image.format,
        virtualSize: image.length * model.clusterSize,
        allocatedBytes: Object.keys(image.clusters).length * model.clusterSize,
        backingId: image.backing,
        backingState: image.backing === null ? 'none' : 'ok',
        internalSnapshots: image.internal.map(({ tag }) => ({ id: tag, tag })),
        writable: true,
        present: true,
        clusterSize: model.clusterSize,
      }),
    );
  return {
    layers: new Map(layers.map((layer) => [layer.id, layer])),
    disks: model.vms.flatMap((vm) =>
      vm.disks.map((disk) => ({
        vmId: vm.id,
        vmName: vm.id,
        ...disk,
        running: vm.running,
        suspended: vm.suspended,
      })),
    ),
    media: model.vms.flatMap((vm) => vm.media.map((use) => ({ vmId: vm.id, vmName: vm.id, ...use }))),
    snapshots: model.snapshots.flatMap((snapshot) =>
      snapshot.disks.map(({ imageId, internalTag }) => ({
        snapshotId: snapshot.id,
        name: snapshot.id,
        vmId: snapshot.vmId,
        vmName: snapshot.vmId,
        imageId,
        ...(internalTag === undefined ? {} : { internalTag }),
      })),
    ),
    operations: [],
    exports: [],
    trashed: model.images.flatMap((image) =>
      image.trashed === true && image.backing !== null
        ? [{ trashId: image.id, name: image.id, imageId: image.backing }]
        : [],
    ),
    complete: true,
  };
}

export function allocationOf(model: Model): Allocation {
  return new Map(
    model.images.map((image): [LayerId, ExtentList] => [
      image.id,
      normalize(
        Object.keys(image.clusters).map((cluster) => [
          Number(cluster) * model.clusterSize,
          model.clusterSize,
        ]),
      ),
    ]),
  );
}
