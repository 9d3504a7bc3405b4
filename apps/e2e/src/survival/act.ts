import type { Random } from '../random.ts';
import type { Json, Strata } from '../strata.ts';
import type { SeenImage, SeenVm, World } from './world.ts';

/** One operation that can be run now, and what it may change in the world. */
export interface Act {
  readonly words: string;
  readonly kind: 'commit' | 'pull' | 'take' | 'revert' | 'forget';
  /** The VM whose disks it works on, when that is one. */
  readonly vmId: string | null;
  /** Images that are gone when it is done. */
  readonly deletes: ReadonlySet<string>;
  /** Image → image whose content it has when it is done. */
  readonly becomes: ReadonlyMap<string, string>;
  readonly losesSnapshots: ReadonlySet<string>;
  /** Disk → image whose content it shows when it is done; disks not named here show what they showed. */
  readonly disks: ReadonlyMap<string, string>;
  /** How many images and snapshots there are more when it is done. */
  readonly newImages: number;
  readonly newSnapshots: number;
  /** 0: as fast as it goes; also for what copies nothing. */
  readonly run: (bytesPerSecond: number) => Promise<Json>;
}

const idsOf = (items: Json[]): Set<string> => new Set(items.map(({ id, imageId }) => id ?? imageId));

const nothing = {
  deletes: new Set<string>(),
  becomes: new Map<string, string>(),
  losesSnapshots: new Set<string>(),
  disks: new Map<string, string>(),
  newImages: 0,
  newSnapshots: 0,
};

const belowOf = (world: World, image: SeenImage): SeenImage[] => {
  const below: SeenImage[] = [];
  for (let id = image.backingId; id !== null; ) {
    const next = world.images.get(id);
    if (next === undefined) break;
    below.push(next);
    id = next.backingId;
  }
  return below;
};

/** The VM that has one of these layers in a chain of its own. */
const vmAbove = (world: World, layers: readonly string[]): SeenVm | undefined =>
  [...world.vms.values()].find((vm) =>
    vm.disks.some(({ imageId }) => {
      const image = world.images.get(imageId);
      const chain = image === undefined ? [] : [image, ...belowOf(world, image)];
      return chain.some(({ id }) => layers.includes(id));
    }),
  );

const chainAct = async (
  strata: Strata,
  world: World,
  request: Json,
  describe: Pick<Act, 'words' | 'kind' | 'becomes'> & { layers: string[] },
): Promise<Act | null> => {
  const plan = await strata.ok('POST', '/chains/plan', request);
  if (plan.blockers.length > 0) return null;
  return {
    ...nothing,
    words: `${describe.words} (${plan.live ? 'live' : 'offline'}, ${Math.round(plan.bytesToMove / 1024)} KiB)`,
    kind: describe.kind,
    becomes: describe.becomes,
    vmId: vmAbove(world, describe.layers)?.id ?? null,
    deletes: idsOf(plan.deletes),
    losesSnapshots: idsOf(plan.losesSnapshots),
    run: (bytesPerSecond) =>
      strata.ok('POST', '/chains/run', { ...request, fingerprint: plan.fingerprint, bytesPerSecond }),
  };
};

const layered = (world: World): SeenImage[] =>
  [...world.images.values()].filter((image) => image.backingId !== null);

const commit = (random: Random, strata: Strata, world: World): Promise<Act | null> => {
  const top = random.pick(layered(world));
  const base = random.pick(belowOf(world, top));
  return chainAct(
    strata,
    world,
    { operation: 'commit', top: top.id, base: base.id },
    {
      words: `commit of ${top.name} into ${base.name}`,
      kind: 'commit',
      becomes: new Map([[base.id, top.id]]),
      layers: [top.id],
    },
  );
};

const pull = (random: Random, strata: Strata, world: World): Promise<Act | null> => {
  const into = random.pick(layered(world));
  const from = random.chance(0.7) ? random.pick(belowOf(world, into)) : null;
  const deleteUnused = random.chance(0.4);
  return chainAct(
    strata,
    world,
    { operation: 'pull', into: into.id, deleteUnused, ...(from === null ? {} : { from: from.id }) },
    {
      words: `pull into ${into.name} from ${from?.name ?? 'all'}${deleteUnused ? ', deleting what is unused' : ''}`,
      kind: 'pull',
      becomes: new Map(),
      layers: [into.id],
    },
  );
};

const take = async (random: Random, strata: Strata, world: World): Promise<Act> => {
  const vm = random.pick([...world.vms.values()]);
  const all = vm.disks.length < 2 || random.chance(0.7);
  const disks = all ? vm.disks : [random.pick(vm.disks)];
  const body = { name: `s${random.int(10_000)}`, ...(all ? {} : { disks: disks.map(({ id }) => id) }) };
  return {
    ...nothing,
    words: `snapshot of ${disks.length} disk(s) of ${vm.name} (${vm.state})`,
    kind: 'take',
    vmId: vm.id,
    newImages: disks.length,
    newSnapshots: 1,
    run: () => strata.ok('POST', `/vms/${vm.id}/snapshots`, body),
  };
};

const revert = async (random: Random, strata: Strata, world: World): Promise<Act | null> => {
  if (world.snapshots.size === 0) return null;
  const snapshot = random.pick([...world.snapshots.values()]);
  const vm = world.vms.get(snapshot.vmId);
  const keepCurrent = random.chance(0.5);
  const body = { keepCurrent, ...(random.chance(0.5) ? { start: random.chance(0.5) } : {}) };
  const path = `/vms/${snapshot.vmId}/snapshots/${snapshot.id}/revert`;
  const plan = await strata.ok('POST', path, { ...body, plan: true });
  if (plan.blockers.length > 0) return null;
  return {
    ...nothing,
    words: `revert of ${vm?.name} (${vm?.state}) to ${snapshot.name} ${JSON.stringify(body)}`,
    kind: 'revert',
    vmId: snapshot.vmId,
    deletes: idsOf(plan.deletes),
    losesSnapshots: idsOf(plan.losesSnapshots),
    disks: new Map(snapshot.disks.map(({ diskId, imageId }) => [diskId, imageId])),
    newImages: snapshot.disks.length,
    newSnapshots: keepCurrent ? 1 : 0,
    run: () => strata.ok('POST', path, { ...body, fingerprint: plan.fingerprint }),
  };
};

const forget = async (random: Random, strata: Strata, world: World): Promise<Act | null> => {
  if (world.snapshots.size === 0) return null;
  const { id, vmId, name } = random.pick([...world.snapshots.values()]);
  return {
    ...nothing,
    words: `forgetting the snapshot ${name}`,
    kind: 'forget',
    vmId,
    losesSnapshots: new Set([id]),
    run: () => strata.ok('DELETE', `/vms/${vmId}/snapshots/${id}`),
  };
};

const kinds = [commit, commit, commit, pull, pull, pull, take, take, revert, revert, forget];
const tries = 40;

/** Something that no blocker forbids; null when nothing could be found. */
export const randomAct = async (random: Random, strata: Strata, world: World): Promise<Act | null> => {
  for (let attempt = 0; attempt < tries; attempt += 1) {
    const act = await random.pick(kinds)(random, strata, world);
    if (act !== null) return act;
  }
  return null;
};
