import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../random.ts';
import type { Strata } from '../strata.ts';
import { type Act, nothing, unlessRefused } from './act.ts';
import { foreignFolder, newLayer } from './forest.ts';
import { isHeld } from './image-acts.ts';
import { contentOf, type SeenImage, type World } from './world.ts';

/** Files come in, and go out; what is there already is only read. */

const idle = (random: Random, world: World): SeenImage | null => {
  const images = [...world.images.values()].filter((image) => !isHeld(world, image));
  return images.length === 0 ? null : random.pick(images);
};

export const convert = async (random: Random, strata: Strata, world: World): Promise<Act | null> => {
  const image = idle(random, world);
  if (image === null || world.images.size > 24) return null;
  const form = random.pick([
    { format: 'qcow2', compression: 'zlib' },
    { format: 'qcow2', clusterSize: 4096 },
    { format: 'raw' },
    { format: 'vdi' },
    { format: 'vhdx' },
  ]);
  const body = { ...form, name: `converted${random.int(100_000)}` };
  return {
    ...nothing,
    words: `conversion of ${image.name} to ${JSON.stringify(form)}`,
    kind: 'convert',
    newImages: [image.id],
    run: () => unlessRefused(strata, `/images/${image.id}/convert`, body),
  };
};

/** A file of the host: copied, moved, or converted from a format that is no image of the library. */
export const takeIn = async (random: Random, strata: Strata, world: World): Promise<Act | null> => {
  if (world.images.size > 24) return null;
  const all = foreignFolder(strata);
  mkdirSync(all, { recursive: true, mode: 0o700 });
  const folder = mkdtempSync(join(all, 'file-'));
  const layer = newLayer(random, folder, `file${random.int(100_000)}`, null);
  const mode = random.pick(['copy', 'move', 'qed', 'parallels'] as const);
  const isConverted = mode === 'qed' || mode === 'parallels';
  const path = isConverted ? `${layer.path}.${mode}` : layer.path;
  if (isConverted)
    execFileSync('qemu-img', ['convert', '-f', layer.format, '-O', mode, layer.path, path], {
      stdio: 'pipe',
    });
  const content = await contentOf({ id: 'file', path, format: isConverted ? mode : layer.format }, folder);
  const bytes = readFileSync(path);
  const to = random.chance(0.5) ? {} : { folder: random.pick(world.folders) };
  return {
    ...nothing,
    words: `taking in of a file (${mode}${to.folder === undefined ? '' : ` to ${to.folder}`})`,
    kind: 'take-in',
    newContents: [content],
    besides: () => {
      if (mode === 'move') return Promise.resolve(existsSync(path) ? [`${path} should have moved`] : []);
      const isSame = existsSync(path) && readFileSync(path).equals(bytes);
      return Promise.resolve(isSame ? [] : [`${path} is not as it was`]);
    },
    run: () =>
      unlessRefused(strata, '/images/take-in', { path, mode: mode === 'move' ? 'move' : 'copy', ...to }),
  };
};

/** Made to be fetched: nothing of the library changes. */
export const download = async (random: Random, strata: Strata, world: World): Promise<Act | null> => {
  const image = idle(random, world);
  if (image === null) return null;
  const format = random.pick(['qcow2', 'vmdk', 'vdi', 'vhdx']);
  return {
    ...nothing,
    words: `download of ${image.name} as ${format}`,
    kind: 'download',
    run: () => unlessRefused(strata, `/images/${image.id}/downloads`, { format }),
  };
};

export const checksum = async (random: Random, strata: Strata, world: World): Promise<Act | null> => {
  const image = idle(random, world);
  if (image === null) return null;
  return {
    ...nothing,
    words: `check sums of ${image.name}`,
    kind: 'checksum',
    run: () => unlessRefused(strata, `/images/${image.id}/checksum`, { algorithms: ['sha256', 'md5'] }),
  };
};
