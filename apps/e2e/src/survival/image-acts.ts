import type { Random } from '../random.ts';
import type { Strata } from '../strata.ts';
import { type Act, nothing, unlessRefused } from './act.ts';
import type { SeenImage, World } from './world.ts';

/** Images that a VM is writing are not copied, moved or checked; those above which one runs not moved or checked. */
export const isHeld = (world: World, image: SeenImage): boolean =>
  [...world.vms.values()].some(
    (vm) => vm.pid !== null && vm.disks.some(({ imageId }) => isAbove(world, imageId, image.id)),
  );

const isAbove = (world: World, above: string, below: string): boolean => {
  if (above === below) return true;
  const backing = world.images.get(above)?.backingId ?? null;
  return backing !== null && isAbove(world, backing, below);
};

const isWritten = (world: World, image: SeenImage): boolean =>
  [...world.vms.values()].some(
    (vm) => vm.pid !== null && vm.disks.some(({ imageId }) => imageId === image.id),
  );

const someOf = (random: Random, images: readonly SeenImage[]): SeenImage | null =>
  images.length === 0 ? null : random.pick(images);

export const copy = async (random: Random, strata: Strata, world: World): Promise<Act | null> => {
  const image = someOf(
    random,
    [...world.images.values()].filter((candidate) => !isWritten(world, candidate)),
  );
  if (image === null || world.images.size > 24) return null;
  const what = random.pick(['content', 'file']);
  const folder = random.chance(0.3) ? { folder: random.pick(world.folders) } : {};
  const body = { name: `copy${random.int(100_000)}`, what, ...folder };
  return {
    ...nothing,
    words: `copy of the ${what} of ${image.name}${body.folder === undefined ? '' : ` to ${body.folder}`}`,
    kind: 'copy',
    newImages: [image.id],
    run: () => unlessRefused(strata, `/images/${image.id}/copy`, body),
  };
};

/** Within its folder, to another folder, or to another disk, with the links of all overlays. */
export const rename = async (random: Random, strata: Strata, world: World): Promise<Act | null> => {
  const image = someOf(
    random,
    [...world.images.values()].filter((candidate) => !isHeld(world, candidate)),
  );
  if (image === null) return null;
  const folder = random.chance(0.6) ? { folder: random.pick(world.folders) } : {};
  const body = { name: `moved${random.int(100_000)}`, ...folder };
  const overlays = [...world.images.values()].filter(({ backingId }) => backingId === image.id).length;
  return {
    ...nothing,
    words: `move of ${image.name}, under ${overlays} overlay(s)${body.folder === undefined ? '' : `, to ${body.folder}`}`,
    kind: 'rename',
    moves: new Set([image.id]),
    run: () => unlessRefused(strata, `/images/${image.id}/rename`, body),
  };
};

export const check = async (random: Random, strata: Strata, world: World): Promise<Act | null> => {
  const image = someOf(
    random,
    [...world.images.values()].filter(
      (candidate) => candidate.format === 'qcow2' && !isHeld(world, candidate),
    ),
  );
  if (image === null) return null;
  const body = random.chance(0.5) ? { repair: 'leaks' } : {};
  return {
    ...nothing,
    words: `check of ${image.name} ${JSON.stringify(body)}`,
    kind: 'check',
    run: () => unlessRefused(strata, `/images/${image.id}/check`, body),
  };
};
