import { existsSync, mkdirSync, mkdtempSync, renameSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import type { Random } from '../random.ts';
import type { Json, Strata } from '../strata.ts';
import { type Act, nothing, unlessRefused } from './act.ts';
import { foreignFolder, type Layer, newLayer } from './forest.ts';
import { isHeld } from './image-acts.ts';
import { contentOf, type World } from './world.ts';

/** What another tool has left in a folder: a chain, and a second tip on its base. */
const newForeign = (random: Random, strata: Strata): { folder: string; layers: Layer[] } => {
  const all = foreignFolder(strata);
  mkdirSync(all, { recursive: true, mode: 0o700 });
  const folder = mkdtempSync(join(all, 'f-'));
  const base = newLayer(random, folder, `base${random.int(100_000)}`, null);
  const mid = newLayer(random, folder, `mid${random.int(100_000)}`, base);
  const tips = [mid, base].map((below) => newLayer(random, folder, `tip${random.int(100_000)}`, below));
  return { folder, layers: [base, mid, ...tips] };
};

const contentsOf = (layers: readonly Layer[], scratch: string): Promise<string[]> =>
  Promise.all(
    layers.map(({ path, format }, at) => contentOf({ id: `foreign-${at}`, path, format }, scratch)),
  );

/** A folder of foreign images with their chains is registered, copied or moved. */
export const adopt = async (random: Random, strata: Strata, world: World): Promise<Act | null> => {
  if (world.images.size > 20) return null;
  const { folder: path, layers } = newForeign(random, strata);
  const mode = random.pick(['register', 'copy', 'move'] as const);
  const to = mode === 'register' || random.chance(0.5) ? {} : { folder: random.pick(world.folders) };
  const wish = { path, mode, ...to };
  const plan = await unlessRefused(strata, '/folders/adopt/plan', wish);
  if (plan === null || plan.blockers.length > 0) return null;
  const before = await contentsOf(layers, path);
  return {
    ...nothing,
    words: `adoption of ${layers.length} images (${mode}${to.folder === undefined ? '' : ` to ${to.folder}`})`,
    kind: 'adopt',
    newContents: before,
    besides: async () => {
      if (mode === 'move')
        return layers
          .filter((layer) => existsSync(layer.path))
          .map((layer) => `${layer.path} should have moved`);
      const after = await contentsOf(layers, path);
      return after.join() === before.join() ? [] : [`the files in ${path} do not read as they did`];
    },
    run: () => unlessRefused(strata, '/folders/adopt', { ...wish, fingerprint: plan.fingerprint }),
  };
};

/** A base is renamed by other hands, and the link to it is mended. */
export const repair = async (random: Random, strata: Strata, world: World): Promise<Act | null> => {
  const images = [...world.images.values()];
  const wishes = images.flatMap((overlay) => {
    const base = world.images.get(overlay.backingId ?? '');
    const alone = images.filter(({ backingId }) => backingId === base?.id).length === 1;
    return base !== undefined && alone && !isHeld(world, base) ? [{ overlay, base }] : [];
  });
  if (wishes.length === 0) return null;
  const { overlay, base } = random.pick(wishes);
  const lost = join(dirname(base.path), `lost${random.int(100_000)}${extname(base.path)}`);
  return {
    ...nothing,
    words: `repair of the link of ${overlay.name}, whose base ${base.name} was renamed by hand`,
    kind: 'repair',
    moves: new Set([base.id]),
    run: async () => {
      renameSync(base.path, lost);
      await strata.ok('POST', '/folders/scan');
      const { repairs }: Json = await strata.ok('GET', `/images/${overlay.id}/repair`);
      const offered = repairs.some(({ kind }: Json) => kind === 'relink');
      if (!offered) throw new Error(`nothing is offered for ${overlay.name}: ${JSON.stringify(repairs)}`);
      const wish = { repair: 'relink', path: lost };
      return (await strata.ok('POST', `/images/${overlay.id}/repair`, wish)).operation;
    },
  };
};
