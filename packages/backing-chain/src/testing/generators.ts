import fc from 'fast-check';
import { chainIds, type LayerId, overlaysOf } from '../forest.ts';
import type {
  CommitRequest,
  DeleteRequest,
  PromoteRequest,
  PullRequest,
  RebaseRequest,
  RevertRequest,
  SnapshotsRequest,
} from '../plan.ts';
import {
  type Clusters,
  forestOf,
  imageOf,
  type Model,
  type ModelImage,
  type ModelSnapshot,
} from './model.ts';

export interface ModelOptions {
  /** Bytes. */
  readonly clusterSize: number;
  /** Clusters of the longest image. */
  readonly maxLength: number;
  readonly maxImages: number;
  /** Whether VMs may run or be suspended; off for tests that have no VMs to run. */
  readonly states: boolean;
  /** Whether layers may have different virtual sizes. */
  readonly sizes: boolean;
  /** Whether images that nobody uses may lie in the trash. */
  readonly trash: boolean;
}
export const modelOptions: ModelOptions = {
  clusterSize: 65_536,
  maxLength: 6,
  maxImages: 9,
  states: true,
  sizes: true,
  trash: false,
};

const pick = fc.nat(1_000_000);
const rarely = fc.nat(9).map((number) => number === 0);

const imageSeed = fc.record({
  branch: fc.nat(9),
  backing: pick,
  raw: fc.boolean(),
  length: pick,
  /** Per cluster: hole, zero or data. */
  cells: fc.array(fc.constantFrom<'hole' | 'zero' | 'data'>('hole', 'hole', 'data', 'zero'), {
    maxLength: 64,
  }),
  tags: fc.array(fc.array(fc.boolean(), { maxLength: 64 }), { maxLength: 1 }),
  tagged: rarely,
  trashed: fc.boolean(),
});
const useSeed = fc.record({ leaf: fc.nat(9).map((number) => number > 1), pick });
const vmSeed = fc.record({
  running: rarely,
  suspended: rarely,
  disks: fc.array(useSeed, { minLength: 1, maxLength: 2 }),
  media: fc.array(pick, { maxLength: 1 }),
  inserted: rarely,
});
const snapshotSeed = fc.record({
  vm: pick,
  disks: fc.array(fc.record({ pick, internal: fc.boolean() }), { minLength: 1, maxLength: 2 }),
});

type ImageSeed = typeof imageSeed extends fc.Arbitrary<infer Seed> ? Seed : never;
type VmSeed = typeof vmSeed extends fc.Arbitrary<infer Seed> ? Seed : never;
type SnapshotSeed = typeof snapshotSeed extends fc.Arbitrary<infer Seed> ? Seed : never;

/** Different in each image and cluster, and 1 … 255, so that it can be the byte of a pattern. */
const byteOf = (image: number, cluster: number): number => 1 + ((image * 37 + cluster * 11) % 255);

function buildImage(seed: ImageSeed, index: number, options: ModelOptions): ModelImage {
  const length = options.sizes && index % 3 !== 0 ? 1 + (seed.length % options.maxLength) : options.maxLength;
  // One in ten starts a chain of its own, two branch off anywhere, the rest go on from the last.
  const free = index === 0 || seed.branch === 0;
  const backing = free ? null : seed.branch < 3 ? `i${seed.backing % index}` : `i${index - 1}`;
  const raw = free && seed.raw;
  const clusters: Record<number, number> = {};
  for (const [cluster, cell] of seed.cells.slice(0, length).entries())
    if (cell !== 'hole') clusters[cluster] = cell === 'zero' ? 0 : byteOf(index, cluster);
  const internal = (seed.tagged && !raw ? seed.tags : []).map((cells, number) => ({
    tag: `t${number}`,
    length,
    clusters: Object.fromEntries(
      cells
        .slice(0, length)
        .flatMap((held, cluster) => (held ? [[cluster, byteOf(index + 100, cluster)]] : [])),
    ) as Clusters,
  }));
  return { id: `i${index}`, format: raw ? 'raw' : 'qcow2', length, backing, clusters, internal };
}

const at = <Item>(items: readonly Item[], number: number): Item | undefined => items[number % items.length];

function buildModel(
  seeds: { images: ImageSeed[]; vms: VmSeed[]; snapshots: SnapshotSeed[] },
  options: ModelOptions,
): Model {
  const images = seeds.images.map((seed, index) => buildImage(seed, index, options));
  const leaves = images.filter((image) => images.every((other) => other.backing !== image.id));
  const vms = seeds.vms.map((seed, index) => ({
    id: `v${index}`,
    running: options.states && seed.running,
    suspended: options.states && seed.suspended && !seed.running,
    disks: seed.disks.map((use, slot) => ({
      diskId: `d${index}${slot}`,
      imageId: at(use.leaf ? leaves : images, use.pick)?.id ?? 'i0',
    })),
    media: seed.inserted
      ? seed.media.map((number, slot) => ({ slot: `cd${slot}`, imageId: at(images, number)?.id ?? 'i0' }))
      : [],
  }));
  const snapshots = seeds.snapshots.flatMap((seed, index): ModelSnapshot[] => {
    const vm = at(vms, seed.vm);
    if (vm === undefined) return [];
    const disks = vm.disks.slice(0, seed.disks.length).map(({ diskId }, slot) => {
      const { pick: number, internal } = seed.disks[slot] ?? { pick: 0, internal: false };
      const tagged = images.filter((image) => image.internal.length > 0);
      const image = (internal ? at(tagged, number) : undefined) ?? at(images, number);
      const tag = internal ? image?.internal[0]?.tag : undefined;
      const imageId = image?.id ?? 'i0';
      return tag === undefined ? { diskId, imageId } : { diskId, imageId, internalTag: tag };
    });
    return [{ id: `s${index}`, vmId: vm.id, disks }];
  });
  const model = { clusterSize: options.clusterSize, images, vms, snapshots };
  return options.trash ? inTrash(model, seeds.images) : model;
}

/** Nothing but other deleted images may stand on what is deleted. */
export function isDisposable(model: Model, id: LayerId): boolean {
  const used = [
    ...model.vms.flatMap((vm) => [...vm.disks, ...vm.media]),
    ...model.snapshots.flatMap((s) => s.disks),
  ];
  return (
    used.every((use) => use.imageId !== id) &&
    model.images.every((image) => image.backing !== id || image.trashed === true)
  );
}

function inTrash(model: Model, seeds: readonly ImageSeed[]): Model {
  let next = model;
  for (const [index, image] of [...model.images.entries()].reverse())
    if (seeds[index]?.trashed === true && index > 1 && isDisposable(next, image.id))
      next = {
        ...next,
        images: next.images.map((other) => (other === image ? { ...image, trashed: true } : other)),
      };
  return next;
}

/** Forests with branches, several VMs and disks, snapshots, internal snapshots and media; also quite unreasonable ones. */
export const arbitraryModel = (options: Partial<ModelOptions> = {}): fc.Arbitrary<Model> => {
  const all = { ...modelOptions, ...options };
  return fc
    .record({
      images: fc.array(imageSeed, { minLength: 2, maxLength: all.maxImages, size: 'max' }),
      vms: fc.array(vmSeed, { maxLength: 3 }),
      snapshots: fc.array(snapshotSeed, { maxLength: 3 }),
    })
    .map((seeds) => buildModel(seeds, all));
};

/** One thing that happens; its numbers are resolved against the model at that moment, so that any sequence makes sense. */
export interface Step {
  readonly kind:
    | 'write'
    | 'snapshot'
    | 'branch'
    | 'revert'
    | 'commit'
    | 'pull'
    | 'trash'
    | 'restore'
    | 'delete'
    | 'rebase'
    | 'promote'
    | 'flatten'
    | 'compact'
    | 'copy'
    | 'clone'
    | 'tag'
    | 'forget';
  readonly first: number;
  readonly second: number;
  readonly flag: boolean;
}
export const arbitraryStep: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom<Step['kind']>(
    'write',
    'write',
    'snapshot',
    'branch',
    'revert',
    'commit',
    'commit',
    'pull',
    'trash',
    'restore',
    'delete',
    'rebase',
    'promote',
    'flatten',
    'compact',
    'copy',
    'clone',
    'tag',
    'forget',
  ),
  first: pick,
  second: pick,
  flag: fc.boolean(),
});

/** A commit with a base that is truly below; null where no image has a backing. */
export function commitRequestOf(model: Model, step: Pick<Step, 'first' | 'second'>): CommitRequest | null {
  const top = at(
    model.images.filter((image) => image.backing !== null && image.trashed !== true),
    step.first,
  );
  if (top === undefined) return null;
  const base = at(chainIds(forestOf(model), top.id).slice(1), step.second);
  return base === undefined ? null : { top: top.id, base };
}

export function pullRequestOf(model: Model, step: Omit<Step, 'kind'>): PullRequest | null {
  const request = commitRequestOf(model, step);
  return request === null ? null : { into: request.top, from: request.base, deleteUnused: step.flag };
}

export function deleteRequestOf(model: Model, step: Omit<Step, 'kind'>): DeleteRequest | null {
  const layer = at(model.images, step.first);
  const modes = ['auto', 'commit', 'pull'] as const;
  return layer === undefined ? null : { layer: layer.id, mode: modes[step.second % 3] ?? 'auto' };
}

/** One restore point, or any few of them. */
export function snapshotsRequestOf(model: Model, step: Omit<Step, 'kind'>): SnapshotsRequest | null {
  const some = model.snapshots.filter(
    ({ disks }, index) =>
      (index % 3 === step.first % 3 || (step.flag && index % 2 === step.second % 2)) &&
      disks.every(({ internalTag }) => internalTag === undefined),
  );
  const modes = ['auto', 'commit', 'pull', 'auto'] as const;
  if (some.length === 0) return null;
  return { snapshotIds: some.map(({ id }) => id), mode: modes[step.second % 4] ?? 'auto' };
}

/** Onto anything at all, nothing included: the planner says which of them are possible. */
export function rebaseRequestOf(model: Model, step: Omit<Step, 'kind'>): RebaseRequest | null {
  const layer = at(model.images, step.first);
  if (layer === undefined) return null;
  const backing = at([...model.images.map(({ id }) => id), null], step.second) ?? null;
  return { layer: layer.id, backing, mode: step.flag ? 'safe' : 'relink' };
}

export function revertRequestOf(model: Model, step: Omit<Step, 'kind'>): RevertRequest | null {
  const snapshot = at(
    model.snapshots.filter((item) => item.disks.every((disk) => disk.internalTag === undefined)),
    step.first,
  );
  if (snapshot === undefined) return null;
  const disks = snapshot.disks.map(({ diskId, imageId }) => ({ diskId, imageId }));
  return { vmId: snapshot.vmId, snapshotId: snapshot.id, disks, keepCurrent: step.flag };
}

/** Any disk of a VM onto any image, itself included. */
export function promoteRequestOf(model: Model, step: Omit<Step, 'kind'>): PromoteRequest | null {
  const vm = at(model.vms, step.first);
  const disk = vm === undefined ? undefined : at(vm.disks, step.second);
  const image = at(model.images, step.second + step.first);
  if (vm === undefined || disk === undefined || image === undefined) return null;
  return {
    vmId: vm.id,
    disks: [{ diskId: disk.diskId, imageId: image.id }],
    overlay: step.second % 5 === 0,
    keepCurrent: step.flag,
    powerOff: step.first % 2 === 0,
  };
}

/** Active layers that a guest may write without breaking rule 2: nothing but one disk stands on them. */
export function writableActives(model: Model): readonly LayerId[] {
  const forest = forestOf(model);
  const stood = new Set(
    model.snapshots.flatMap((snapshot) =>
      snapshot.disks.filter((disk) => disk.internalTag === undefined).map((disk) => disk.imageId),
    ),
  );
  const uses = model.vms.flatMap((vm) => [...vm.disks, ...vm.media].map((use) => use.imageId));
  return model.vms
    .filter((vm) => !vm.suspended)
    .flatMap((vm) => vm.disks.map((disk) => disk.imageId))
    .filter((id) => !stood.has(id) && overlaysOf(forest, id).length === 0)
    .filter((id) => forest.trashed.every((use) => use.imageId !== id))
    .filter((id) => uses.filter((use) => use === id).length === 1 && imageOf(model, id).length > 0);
}
