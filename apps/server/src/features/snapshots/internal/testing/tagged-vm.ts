import { copyFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readTags } from '../../../../qemu/image-tags.ts';
import { checkImage, imagesAreEqual } from '../../../../qemu/qemu-img.ts';
import { writeBlocks } from '../../../../qemu/qemu-io.ts';
import { run } from '../../../../testing/disk-chain.ts';
import { buildLayers, cluster, fileOf, flatten } from '../../../operations/testing/bench-layers.ts';
import type { Bench, BenchFolder } from '../../../operations/testing/chain-bench.ts';

/** A VM `vmone` with two qcow2 disks, the first an overlay on a base: data of its own, and data below. */
export const buildTwoDisks = async (bench: Bench): Promise<void> => {
  await buildLayers(bench, [
    {
      name: 'base',
      on: null,
      writes: [
        [0, 1],
        [1, 2],
      ],
    },
    { name: 'a', on: 'base', writes: [[1, 3]] },
    { name: 'b', on: null, writes: [[2, 4]] },
  ]);
  bench.vms.define('vmone', [bench.images.idOf('a.qcow2'), bench.images.idOf('b.qcow2')]);
};

export const layerId = (bench: Bench, name: string): string => bench.images.idOf(fileOf({ name }));

export const writeOffline = async (
  bench: Bench,
  folder: BenchFolder,
  name: string,
  at: number,
  pattern: number,
): Promise<void> => {
  const { path, format } = bench.images.facts(layerId(bench, name));
  await writeBlocks({ path, format }, [{ offset: at * cluster, length: cluster, pattern }], folder.folder);
  await bench.images.scan();
};

/** Raw copies of what both disks show now, by the names of their layers. */
export const copiesOf = async (
  bench: Bench,
  folder: BenchFolder,
  as: string,
): Promise<Map<string, string>> => {
  await bench.images.scan();
  return flatten(bench, join(folder.folder, as));
};

/** A copy of a file that a guest's writes go to as well. */
export const keptCopy = (folder: BenchFolder, path: string, as: string): string => {
  const copy = join(folder.folder, as);
  copyFileSync(path, copy);
  return copy;
};

/** Whether the tag inside the layer shows these bytes: read out of it whole, and compared. */
export const tagReadsAs = async (
  bench: Bench,
  folder: BenchFolder,
  imageId: string,
  tag: string,
  copy: string,
): Promise<boolean> => {
  const out = join(folder.folder, 'tag.raw');
  const { path } = bench.images.facts(imageId);
  await run('qemu-img', ['convert', '-l', `snapshot.name=${tag}`, '-f', 'qcow2', '-O', 'raw', path, out]);
  try {
    return await imagesAreEqual({ path: out, format: 'raw' }, { path: copy, format: 'raw' });
  } finally {
    await rm(out);
  }
};

export const tagsOf = async (bench: Bench, name: string): Promise<string[]> =>
  (await readTags(bench.images.pathOf(fileOf({ name })))).map(({ tag }) => tag);

/** Clusters that nobody uses are no harm; anything else is. */
export const isSound = async (bench: Bench, name: string): Promise<boolean> =>
  (await checkImage({ path: bench.images.pathOf(fileOf({ name })), format: 'qcow2' })).errors === 0;
