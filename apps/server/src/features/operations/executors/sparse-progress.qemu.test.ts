import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ChainRequest, Operation } from '@strata/contract';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { convertImage, createImage, createOverlay, imagesAreEqual } from '../../../qemu/qemu-img.ts';
import { writeBlocks } from '../../../qemu/qemu-io.ts';
import { type Bench, type BenchFolder, benchFolder } from '../testing/chain-bench.ts';
import { killPoints } from '../testing/kill-points.ts';

const MiB = 1024 ** 2;
const diskSize = 64 * 1024 * MiB;
/** Two pieces of data, with 60 GiB of nothing between them. */
const data = [
  [2 * MiB, 2 * MiB],
  [60 * 1024 * MiB, 6 * MiB],
] as const;
const total = 8 * MiB;
const dataBefore = (place: number): number =>
  data.reduce((sum, [start, length]) => sum + Math.min(length, Math.max(0, place - start)), 0);

let folder: BenchFolder;
let bench: Bench;
const active = () => ({ path: bench.images.pathOf('active.qcow2'), format: 'qcow2' }) as const;
const id = (name: string) => bench.images.idOf(`${name}.qcow2`);

beforeEach(async () => {
  folder = await benchFolder();
  bench = folder.open(killPoints({ at: null, speed: MiB }).disturbance);
  const path = (name: string) => bench.images.pathOf(`${name}.qcow2`);
  const write = (name: string, [offset, length]: readonly [number, number], pattern: number) =>
    writeBlocks({ path: path(name), format: 'qcow2' }, [{ offset, length, pattern }], dirname(path(name)));
  await createImage({ path: path('base'), format: 'qcow2', size: diskSize });
  for (const [name, below] of [
    ['s1', 'base'],
    ['s2', 's1'],
    ['active', 's2'],
  ] as const)
    await createOverlay({ path: path(name), backing: `${below}.qcow2`, backingFormat: 'qcow2' });
  await write('s1', data[0], 1);
  await write('s2', data[1], 2);
  // Read from above, it hides nothing of what moves.
  await write('base', [30 * 1024 * MiB, MiB], 3);
  await bench.images.scan();
});
afterEach(() => folder.dispose());

/** Whatever can be seen of the operation until it ends; the limit is lifted in the middle of the data. */
const watch = async (request: ChainRequest): Promise<Operation[]> => {
  const { fingerprint } = await bench.chains.plan(request);
  const { id: operation } = await bench.chains.run(request, fingerprint);
  const seen: Operation[] = [];
  for (;;) {
    const now = bench.operations.get(operation);
    if (JSON.stringify(now.front) !== JSON.stringify(seen.at(-1)?.front)) {
      seen.push(now);
      const { done } = now.progress;
      if (done > 2 * MiB && done < total) await bench.operations.setSpeed(operation, 0).catch(() => {});
    }
    if (now.endedAt !== null) return [...seen, now];
    await delay(10);
  }
};

it.each([
  ['commit', (): ChainRequest => ({ operation: 'commit', top: id('s2'), base: id('base') }), 'base'],
  [
    'pull',
    (): ChainRequest => ({ operation: 'pull', into: id('active'), from: id('s1'), deleteUnused: false }),
    'active',
  ],
])(
  'the progress of a %s over holes is in the bytes that move, and tells its place on the disk beside',
  async (_kind, request, into) => {
    const target = id(into);
    const copy = { path: join(folder.folder, 'copy.qcow2'), format: 'qcow2' } as const;
    await convertImage(active(), copy);
    const seen = await watch(request());
    expect(seen.at(-1)).toMatchObject({ state: 'done', progress: { done: total, total } });
    const walked = seen.filter(({ front }) => front !== undefined);
    for (const { front, progress } of walked) {
      expect(front?.into).toBe(target);
      expect(progress).toMatchObject({ done: dataBefore(front?.at ?? 0), total });
    }
    // In the middle of the second piece nearly all of the disk lies behind, and not all of the data.
    const late = walked.filter(({ front }) => (front?.at ?? 0) > 60 * 1024 * MiB);
    expect(late.some(({ progress }) => progress.done > 2 * MiB && progress.done < total)).toBe(true);
    expect(await imagesAreEqual(active(), copy)).toBe(true);
  },
);
