import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { expectSameContent, expectSound, run } from '../testing/disk-chain.ts';
import { startTestVm } from '../testing/live-disk.ts';
import type { BlockEngine } from './block-engine.types.ts';
import { createBlockEngines } from './block-engines.ts';
import { commitLayers, pullLayers, untilReady } from './block-jobs.ts';
import { pivot } from './pivot.ts';
import { createImage, createOverlay } from './qemu-img.ts';

/*
 * Random chains, random merges one after another, in a daemon that is killed after each or in one VM that goes on; every
 * layer that is left must read what it read when it was made, and the target of a commit what its top read.
 */

const blockSize = 64 * 1024;
const blocks = 64;

interface Write {
  readonly block: number;
  readonly count: number;
  /** 0: discard into zeros. */
  readonly pattern: number;
}
/** Numbers are taken modulo what is possible at that moment. */
interface Merge {
  readonly kind: 'commit' | 'pull';
  readonly upper: number;
  readonly lower: number;
}

const write = fc.record({
  block: fc.nat({ max: blocks - 1 }),
  count: fc.integer({ min: 1, max: 12 }),
  pattern: fc.nat({ max: 255 }),
});
const merge = fc.record({
  kind: fc.constantFrom('commit' as const, 'pull' as const),
  upper: fc.nat({ max: 100 }),
  lower: fc.nat({ max: 100 }),
});
const scenario = fc.record({
  layers: fc.array(fc.array(write, { maxLength: 10 }), { minLength: 3, maxLength: 7 }),
  merges: fc.array(merge, { minLength: 1, maxLength: 4 }),
  live: fc.boolean(),
});

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'merge-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A layer that is left: its file, and the flat copy of what it must read. */
interface Layer {
  readonly name: string;
  readonly flat: string;
}

async function makeLayers(where: string, writes: readonly (readonly Write[])[]): Promise<Layer[]> {
  const layers: Layer[] = [];
  for (const [depth, some] of writes.entries()) {
    const path = join(where, `l${depth}`);
    if (depth === 0) await createImage({ path, format: 'qcow2', size: blocks * blockSize });
    else await createOverlay({ path, backing: `l${depth - 1}`, backingFormat: 'qcow2' });
    const commands = some.flatMap(({ block, count, pattern }) => {
      const range = `${block * blockSize} ${Math.min(count, blocks - block) * blockSize}`;
      return ['-c', pattern === 0 ? `write -z ${range}` : `write -P ${pattern} ${range}`];
    });
    if (commands.length > 0) await run('qemu-io', ['-f', 'qcow2', ...commands, path]);
    const flat = `${path}.flat`;
    await run('qemu-img', ['convert', '-f', 'qcow2', '-O', 'qcow2', path, flat]);
    layers.push({ name: `l${depth}`, flat });
  }
  return layers;
}

interface Merged {
  /** What is left, bottom first. */
  readonly layers: Layer[];
  /** The layer whose chain a daemon opens. */
  readonly top: number;
  work(engine: BlockEngine, where: string, jobId: string): Promise<void>;
}

/** The merge on this chain: which two layers, and what is left then. */
function plan(layers: readonly Layer[], { kind, upper, lower }: Merge): Merged | null {
  if (layers.length < 2) return null;
  const top = 1 + (upper % (layers.length - 1));
  const base = kind === 'commit' ? lower % top : (lower % (top + 1)) - 1;
  const upperLayer = layers[top];
  const lowerLayer = layers[base];
  if (!upperLayer) return null;
  const above = layers.slice(top + 1);
  if (kind === 'pull')
    return {
      layers: [...layers.slice(0, base + 1), upperLayer, ...above],
      top,
      work: async (engine, where, jobId) => {
        const into = join(where, upperLayer.name);
        const target = lowerLayer
          ? { base: join(where, lowerLayer.name), backingFile: lowerLayer.name }
          : none;
        expect(await pullLayers(engine, { jobId, into, ...target })).not.toBe('cancelled');
      },
    };
  if (!lowerLayer) return null;
  const request = (where: string) => ({
    top: join(where, upperLayer.name),
    base: join(where, lowerLayer.name),
  });
  return {
    layers: [...layers.slice(0, base), { name: lowerLayer.name, flat: upperLayer.flat }, ...above],
    top: layers.length - 1,
    work: async (engine, where, jobId) => {
      if (above.length > 0) {
        const end = await commitLayers(engine, { jobId, ...request(where), backingFile: lowerLayer.name });
        expect(end).toBe('done');
        return;
      }
      expect(await untilReady(engine, { jobId, ...request(where) })).toBe('ready');
      const journal = { intend: () => undefined, persist: () => undefined };
      await pivot(engine, { jobId, ...request(where) }, journal);
    },
  };
}
const none = { base: null, backingFile: null };

async function expectAll(where: string, layers: readonly Layer[]): Promise<void> {
  for (const { name, flat } of layers) {
    await expectSameContent(join(where, name), flat);
    await expectSound(join(where, name));
  }
}

async function offline(where: string, made: readonly Layer[], merges: readonly Merge[]): Promise<void> {
  let layers = [...made];
  for (const merge of merges) {
    const merged = plan(layers, merge);
    if (!merged) continue;
    const chain = layers.slice(0, merged.top + 1).reverse();
    const engine = await createBlockEngines({ runDir: where }).openDaemon({
      id: 'op',
      chain: chain.map(({ name }) => ({ path: join(where, name), format: 'qcow2' })),
    });
    await merged.work(engine, where, 'job');
    // A merge is durable when it is done, whatever happens to the process then.
    if (engine.daemon) process.kill(engine.daemon.pid, 'SIGKILL');
    await engine.exited;
    layers = merged.layers;
    await expectAll(where, layers);
  }
}

async function live(where: string, made: readonly Layer[], merges: readonly Merge[]): Promise<void> {
  let layers = [...made];
  const vm = await startTestVm(where, { d0: join(where, made.at(-1)?.name ?? '') });
  try {
    const engine = createBlockEngines({ runDir: where }).live(vm, 'd0');
    for (const [index, merge] of merges.entries()) {
      const merged = plan(layers, merge);
      if (!merged) continue;
      await merged.work(engine, where, `job${index}`);
      layers = merged.layers;
      const paths = layers.map(({ name }) => join(where, name)).reverse();
      expect((await engine.chain()).map(({ path }) => path)).toEqual(paths);
    }
  } finally {
    await vm.kill();
  }
  await expectAll(where, layers);
}

it('merges of random chains leave every remaining layer reading what it read before', async () => {
  let count = 0;
  await fc.assert(
    fc.asyncProperty(scenario, async (given) => {
      const where = await mkdtemp(join(folder, `${count++}-`));
      const layers = await makeLayers(where, given.layers);
      await (given.live ? live : offline)(where, layers, given.merges);
      await rm(where, { recursive: true });
    }),
    {
      numRuns: Number(process.env.STRATA_MERGE_RUNS ?? 25),
      // Always the same merges unless asked otherwise, so that a change is judged by what it changed.
      seed: Number(process.env.STRATA_PROPERTY_SEED ?? 31),
      endOnFailure: true,
    },
  );
}, 600_000);
