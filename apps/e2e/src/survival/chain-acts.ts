import type { Random } from '../random.ts';
import type { Json, Strata } from '../strata.ts';
import { type Act, belowOf, idsOf, nothing, unlessRefused } from './act.ts';
import type { SeenImage, SeenVm, World } from './world.ts';

/** The VM that has one of these layers in a chain of its own. */
const vmAbove = (world: World, layer: string): SeenVm | undefined =>
  [...world.vms.values()].find((vm) =>
    vm.disks.some(({ imageId }) => {
      const image = world.images.get(imageId);
      const chain = image === undefined ? [] : [image, ...belowOf(world, image)];
      return chain.some(({ id }) => id === layer);
    }),
  );

const chainAct = async (
  strata: Strata,
  world: World,
  request: Json,
  describe: Pick<Act, 'words' | 'kind'> & {
    layer: string;
    becomes?: (plan: Json) => ReadonlyMap<string, string>;
    moves?: ReadonlySet<string>;
  },
): Promise<Act | null> => {
  const plan = await unlessRefused(strata, '/chains/plan', request);
  if (plan === null || plan.blockers.length > 0) return null;
  const how = [
    plan.live ? 'live' : 'offline',
    ...(plan.method === undefined ? [] : [`by ${plan.method}`]),
    ...(plan.relinks.length > 1 ? [`${plan.relinks.length} links`] : []),
    `${Math.round(plan.bytesToMove / 1024)} KiB`,
  ];
  return {
    ...nothing,
    words: `${describe.words} (${how.join(', ')})`,
    kind: describe.kind,
    becomes: describe.becomes?.(plan) ?? nothing.becomes,
    vmId: vmAbove(world, describe.layer)?.id ?? null,
    deletes: idsOf(plan.deletes),
    losesSnapshots: idsOf(plan.losesSnapshots),
    moves: describe.moves ?? nothing.moves,
    run: (bytesPerSecond) =>
      strata.ok('POST', '/chains/run', { ...request, fingerprint: plan.fingerprint, bytesPerSecond }),
  };
};

const all = (world: World): SeenImage[] => [...world.images.values()];
const layered = (world: World): SeenImage[] => all(world).filter((image) => image.backingId !== null);

export const commit = (random: Random, strata: Strata, world: World): Promise<Act | null> => {
  const top = random.pick(layered(world));
  const base = random.pick(belowOf(world, top));
  return chainAct(
    strata,
    world,
    { operation: 'commit', top: top.id, base: base.id },
    {
      words: `commit of ${top.name} into ${base.name}`,
      kind: 'commit',
      becomes: () => new Map([[base.id, top.id]]),
      layer: top.id,
    },
  );
};

/** A commit of a top on which siblings stand: their links are written by qemu-img, beside the job. */
export const commitUnderSiblings = (
  random: Random,
  strata: Strata,
  world: World,
): Promise<Act | null> | null => {
  const tops = layered(world).filter(
    ({ id }) => all(world).filter(({ backingId }) => backingId === id).length > 1,
  );
  if (tops.length === 0) return null;
  const top = random.pick(tops);
  const base = random.pick(belowOf(world, top));
  return chainAct(
    strata,
    world,
    { operation: 'commit', top: top.id, base: base.id },
    {
      words: `commit of ${top.name}, under siblings, into ${base.name}`,
      kind: 'commit',
      becomes: () => new Map([[base.id, top.id]]),
      layer: top.id,
    },
  );
};

export const pull = (random: Random, strata: Strata, world: World): Promise<Act | null> => {
  const into = random.pick(layered(world));
  const from = random.chance(0.8) ? random.pick(belowOf(world, into)) : null;
  const deleteUnused = random.chance(0.4);
  return chainAct(
    strata,
    world,
    { operation: 'pull', into: into.id, deleteUnused, ...(from === null ? {} : { from: from.id }) },
    {
      words: `pull into ${into.name} from ${from?.name ?? 'all'}${deleteUnused ? ', deleting what is unused' : ''}`,
      kind: 'pull',
      layer: into.id,
    },
  );
};

export const flatten = (random: Random, strata: Strata, world: World): Promise<Act | null> => {
  const image = random.pick(layered(world));
  return chainAct(
    strata,
    world,
    { operation: 'flatten', imageId: image.id },
    {
      words: `flattening ${image.name}`,
      kind: 'flatten',
      layer: image.id,
    },
  );
};

export const deleteLayer = (random: Random, strata: Strata, world: World): Promise<Act | null> => {
  const image = random.pick(all(world));
  const mode = random.pick(['auto', 'commit', 'pull']);
  return chainAct(
    strata,
    world,
    { operation: 'delete', imageId: image.id, mode },
    {
      words: `deletion of ${image.name}`,
      kind: 'delete',
      layer: image.id,
      becomes: ({ method }) =>
        new Map(method === 'commit' && image.backingId !== null ? [[image.backingId, image.id]] : []),
    },
  );
};

export const rebase = (random: Random, strata: Strata, world: World): Promise<Act | null> => {
  const image = random.pick(all(world));
  const backing = random.chance(0.1) ? null : random.pick(all(world));
  return chainAct(
    strata,
    world,
    { operation: 'rebase', imageId: image.id, backing: backing?.id ?? null, mode: 'safe' },
    {
      words: `rebase of ${image.name} onto ${backing?.name ?? 'nothing'}`,
      kind: 'rebase',
      layer: image.id,
    },
  );
};

export const compact = (random: Random, strata: Strata, world: World): Promise<Act | null> => {
  const image = random.pick(all(world));
  return chainAct(
    strata,
    world,
    { operation: 'compact', imageId: image.id },
    { words: `compacting ${image.name}`, kind: 'compact', layer: image.id },
  );
};

/** To a twin of the backing, which an earlier copy has made. */
export const relink = (random: Random, strata: Strata, world: World): Promise<Act | null> | null => {
  const wishes = layered(world).flatMap((image) => {
    const old = world.images.get(image.backingId ?? '');
    const twins = all(world).filter(({ id, content }) => id !== old?.id && content === old?.content);
    return twins.map((twin) => ({ image, twin }));
  });
  if (wishes.length === 0) return null;
  const { image, twin } = random.pick(wishes);
  return chainAct(
    strata,
    world,
    { operation: 'rebase', imageId: image.id, backing: twin.id, mode: 'relink' },
    {
      words: `relink of ${image.name} to ${twin.name}`,
      kind: 'relink',
      layer: image.id,
    },
  );
};

/** To another folder or disk; mostly what a running VM writes, by its own QEMU. */
export const move = (random: Random, strata: Strata, world: World): Promise<Act | null> => {
  const written = all(world).filter(({ id }) =>
    [...world.vms.values()].some((vm) => vm.pid !== null && vm.disks.some(({ imageId }) => imageId === id)),
  );
  const image = random.pick(written.length > 0 && random.chance(0.8) ? written : all(world));
  const folder = random.pick(world.folders);
  return chainAct(
    strata,
    world,
    { operation: 'move', imageId: image.id, folder },
    {
      words: `move of ${image.name} to ${folder}`,
      kind: 'move',
      layer: image.id,
      moves: new Set([image.id]),
    },
  );
};
