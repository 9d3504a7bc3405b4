import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { relativeBacking } from '../../../backing-link.ts';
import { convertImage, createImage, createOverlay, imagesAreEqual } from '../../../qemu/qemu-img.ts';
import { writeBlocks } from '../../../qemu/qemu-io.ts';
import type { Bench } from './chain-bench.ts';

export const cluster = 64 * 1024;
export const diskSize = 64 * cluster;

interface LayerWish {
  readonly name: string;
  readonly on: string | null;
  readonly format?: 'qcow2' | 'raw';
  /** Clusters and what is written there. */
  readonly writes: readonly (readonly [cluster: number, pattern: number])[];
}

export const fileOf = ({ name, format = 'qcow2' }: Pick<LayerWish, 'name' | 'format'>): string =>
  `${name}.${format}`;

/** Layers as files of their own, in the order given. */
export const buildLayers = async (bench: Bench, wishes: readonly LayerWish[]): Promise<void> => {
  const formats = new Map(wishes.map(({ name, format }) => [name, format ?? 'qcow2']));
  for (const { name, on, format = 'qcow2', writes } of wishes) {
    const path = bench.images.pathOf(fileOf({ name, format }));
    if (on === null) await createImage({ path, format, size: diskSize });
    else {
      const backingFormat = formats.get(on) ?? 'qcow2';
      const below = bench.images.pathOf(fileOf({ name: on, format: backingFormat }));
      await createOverlay({ path, backing: relativeBacking(dirname(path), below), backingFormat });
    }
    const blocks = writes.map(([at, pattern]) => ({ offset: at * cluster, length: cluster, pattern }));
    if (blocks.length > 0) await writeBlocks({ path, format }, blocks, join(path, '..'));
  }
  await bench.images.scan();
};

/** base ← s1 ← s2 ← s3 ← active, each with data of its own, data that hides some below, and data that is hidden. */
export const fiveLayers = (baseFormat: 'qcow2' | 'raw' = 'qcow2'): LayerWish[] =>
  ['base', 's1', 's2', 's3', 'active'].map((name, index, names) => ({
    name,
    on: names[index - 1] ?? null,
    format: index === 0 ? baseFormat : 'qcow2',
    writes: [
      ...[0, 1, 2].map((at) => [10 * index + at, 16 * (index + 1) + at] as const),
      ...(index > 0 ? [[10 * (index - 1) + 2, 200 + index] as const] : []),
      [60, 100 + index] as const,
    ],
  }));

/** Flattened copies of what each image reads now, in a folder of their own. */
export const flatten = async (bench: Bench, folder: string): Promise<Map<string, string>> => {
  await mkdir(folder, { recursive: true });
  const copies = new Map<string, string>();
  for (const image of bench.images.list()) {
    const path = join(folder, `${image.id}.raw`);
    await convertImage({ path: image.path, format: image.format }, { path, format: 'raw' });
    copies.set(image.id, path);
  }
  return copies;
};

export const readsAs = (bench: Bench, id: string, copy: string | undefined): Promise<boolean> => {
  const { path, format } = bench.images.facts(id);
  return imagesAreEqual({ path, format }, { path: copy ?? '', format: 'raw' });
};
