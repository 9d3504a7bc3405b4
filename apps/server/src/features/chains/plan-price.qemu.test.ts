import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import type { ChainRequest } from '@strata/contract';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type MapEntry, mapImage } from '../../qemu/qemu-img.ts';
import { type Bench, type BenchFolder, benchFolder, noMoves } from '../operations/testing/chain-bench.ts';
import { createChainsService } from './chains.service.ts';

const mebi = 1024 ** 2;
const depth = 5;

let folder: BenchFolder;
let bench: Bench;
beforeEach(async () => {
  folder = await benchFolder();
  bench = folder.open();
});
afterEach(() => folder.dispose());

/** The same numbers for the same seed. */
const randomOf = (seed: number) => {
  let state = seed;
  return (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
};

const nameOf = (index: number): string => `l${index}.${index === 0 ? 'raw' : 'qcow2'}`;
const pathOf = (index: number): string => bench.images.pathOf(nameOf(index));
const idOf = (index: number): string => bench.images.idOf(nameOf(index));

/** l0 (raw) ← … ← l4: data that is no whole cluster, zeros, discarded ranges and other cluster sizes. */
const buildRandom = async (seed: number, lengths: 'one-length' | 'any-length'): Promise<void> => {
  const random = randomOf(seed);
  for (let index = 0; index < depth; index += 1) {
    const size = (6 + (lengths === 'any-length' ? random(3) : 0)) * mebi;
    const [format, path] = [index === 0 ? 'raw' : 'qcow2', pathOf(index)];
    const cluster = `cluster_size=${[4, 64, 256][random(3)]}k`;
    const below =
      index === 0 ? [] : ['-o', cluster, '-b', nameOf(index - 1), '-F', index === 1 ? 'raw' : 'qcow2'];
    execFileSync('qemu-img', ['create', '-q', '-f', format, ...below, path, String(size)]);
    const commands = Array.from({ length: 6 + random(8) }, () => {
      const start = random(size / 512 - 600) * 512;
      const length = (1 + random(600)) * 512;
      const kind = ['write -P 7', 'write -P 9', 'write -z', 'discard'][random(index === 0 ? 2 : 4)];
      return ['-c', `${kind} ${start} ${length}`];
    });
    execFileSync('qemu-io', ['-f', format, ...commands.flat(), path], { stdio: 'pipe' });
  }
  await bench.images.scan();
};

const total = (entries: readonly MapEntry[]): number => entries.reduce((sum, { length }) => sum + length, 0);

/** What the plan says it moves, layer for layer, beside what `qemu-img map` finds in these depths below `top`. */
const expectPrice = async (request: ChainRequest, top: number, from: number, to: number): Promise<void> => {
  const plan = await bench.chains.plan(request);
  const entries = await mapImage({ path: pathOf(top), format: 'qcow2' });
  // A raw file has an answer for every byte; its holes are no data.
  const held = entries.filter(({ present, data, depth: at }) => present && (data || at < top));
  const words = JSON.stringify([request, plan.moves]);
  expect(plan.bytesToMove, words).toBe(total(held.filter(({ depth: at }) => at >= from && at <= to)));
  for (let at = from; at <= to; at += 1)
    expect(plan.moves.find((move) => move.from === idOf(top - at))?.bytes ?? 0, words).toBe(
      total(held.filter((entry) => entry.depth === at)),
    );
};

const commit = (top: number, base: number) =>
  ({ operation: 'commit', top: idOf(top), base: idOf(base) }) as const;

it.each([1, 2, 3])(
  'what a plan says is moved is what qemu-img map finds, to the byte (seed %i)',
  async (seed) => {
    await buildRandom(seed, 'one-length');
    for (let top = 1; top < depth; top += 1)
      for (let low = 0; low < top; low += 1) {
        await expectPrice(commit(top, low), top, 0, top - low - 1);
        const pull = { operation: 'pull', into: idOf(top), from: idOf(low), deleteUnused: false } as const;
        await expectPrice(pull, top, 1, top - low);
      }
  },
);

it.each([11, 12])('no file grows by more than the plan says it needs (seed %i)', async (seed) => {
  await buildRandom(seed, 'any-length');
  const used = (index: number) => statSync(pathOf(index)).blocks * 512;
  for (const [request, grown] of [
    [commit(4, 3), 3],
    [{ operation: 'pull', into: idOf(3), from: idOf(1), deleteUnused: false }, 3],
  ] as [ChainRequest, number][]) {
    const plan = await bench.chains.plan(request);
    if (plan.blockers.length > 0) continue;
    const before = used(grown);
    expect(await bench.run(request)).toMatchObject({ state: 'done' });
    expect(used(grown) - before, JSON.stringify(plan.moves)).toBeLessThanOrEqual(plan.freeSpaceNeeded);
  }
});

it('names the file system that needs the space, and keeps a reserve of it', async () => {
  await buildRandom(21, 'one-length');
  const plan = await bench.chains.plan(commit(4, 1));
  const [space] = plan.spaces ?? [];
  const mountPoint = execFileSync('stat', ['-c', '%m', pathOf(1)], { encoding: 'utf8' }).trim();
  expect(space).toMatchObject({ mountPoint, needed: plan.freeSpaceNeeded });
  expect(space?.reserve).toBeGreaterThanOrEqual(2 * 1024 ** 3);
});

it('is refused when the reserve would be touched, runs when that is given up, and never beyond what is free', async () => {
  await buildRandom(22, 'one-length');
  const request = commit(4, 1);
  const { images, operations, promotions } = bench;
  const chainsWith = (free: number) =>
    createChainsService({
      ...{ images, operations, promotions, moves: noMoves },
      freeSpace: () => Promise.resolve({ free, reserve: 100 * mebi }),
    });
  const { fingerprint, freeSpaceNeeded } = await bench.chains.plan(request);
  expect(freeSpaceNeeded).toBeGreaterThan(mebi);
  for (const [free, useReserve] of [
    [freeSpaceNeeded - 1, true],
    [99 * mebi, false],
  ] as const)
    await expect(chainsWith(free).run(request, fingerprint, { useReserve })).rejects.toMatchObject({
      code: 'disk-full',
    });
  const { id } = await chainsWith(99 * mebi).run(request, fingerprint, { useReserve: true });
  expect(await operations.wait(id, 30)).toMatchObject({ state: 'done' });
});
