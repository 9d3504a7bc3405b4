import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { arbitraryModel } from '@strata/backing-chain/testing';
import type { ChainRequest, Plan } from '@strata/contract';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { AppError } from '../../../app-error.ts';
import { checkImage, convertImage } from '../../../qemu/qemu-img.ts';
import { flatten, readsAs } from '../testing/bench-layers.ts';
import { buildModel } from '../testing/bench-model.ts';
import { type Bench, benchFolder } from '../testing/chain-bench.ts';

/** STRATA_PROPERTY_OPERATIONS=1000 for the long run, STRATA_PROPERTY_SEED to repeat one. */
const operationsWanted = Number(process.env.STRATA_PROPERTY_OPERATIONS ?? 100);
// Always the same forests unless asked otherwise, so that a change is judged by what it changed.
const seed = Number(process.env.STRATA_PROPERTY_SEED ?? 31);

const wishes = fc.array(
  fc.record({
    kind: fc.constantFrom(
      'commit' as const,
      'commit' as const,
      'pull' as const,
      'delete' as const,
      'rebase' as const,
    ),
    upper: fc.nat(1000),
    lower: fc.nat(1000),
    flag: fc.boolean(),
  }),
  { minLength: 8, maxLength: 8 },
);
type Wish =
  (typeof wishes extends fc.Arbitrary<infer All> ? All : never) extends Array<infer One> ? One : never;

const requestOf = (bench: Bench, wish: Wish): ChainRequest | null => {
  const all = bench.images.list().sort((a, b) => a.name.localeCompare(b.name));
  if (wish.kind === 'delete' || wish.kind === 'rebase') {
    const layer = all[wish.upper % all.length];
    if (layer === undefined) return null;
    const modes = ['auto', 'commit', 'pull'] as const;
    if (wish.kind === 'delete')
      return { operation: 'delete', imageId: layer.id, mode: modes[wish.lower % 3] ?? 'auto' };
    const backing = [...all.map(({ id }) => id), null][wish.lower % (all.length + 1)] ?? null;
    return { operation: 'rebase', imageId: layer.id, backing, mode: 'safe' };
  }
  const tops = all.filter((image) => image.backingId !== null);
  const top = tops[wish.upper % tops.length];
  if (top === undefined) return null;
  const below = bench.images.chainFacts(top.id).slice(1);
  const base = below[wish.lower % below.length];
  if (base === undefined) return null;
  return wish.kind === 'commit'
    ? { operation: 'commit', top: top.id, base: base.id }
    : { operation: 'pull', into: top.id, from: base.id, deleteUnused: wish.flag };
};

const planOf = (bench: Bench, request: ChainRequest): Promise<Plan | null> =>
  bench.chains.plan(request).catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'not-possible') return null;
    throw error;
  });

/** Every reader that the plan does not give up, with the image that it reads. */
const readers = (bench: Bench): Map<string, string> =>
  new Map([
    ...bench.images.list().map(({ id }) => [`image ${id}`, id] as const),
    ...bench.images.forest().disks.map(({ diskId, imageId }) => [`disk ${diskId}`, imageId] as const),
    ...(
      bench.db.prepare('SELECT * FROM snapshot_disks').all() as Array<
        Record<'snapshot_id' | 'disk_id' | 'image_id', string>
      >
    ).map((row) => [`snapshot ${row.snapshot_id} ${row.disk_id}`, row.image_id] as const),
  ]);

const recopy = async (bench: Bench, id: string, copies: Map<string, string>): Promise<void> => {
  const { path, format } = bench.images.facts(id);
  const copy = `${copies.get(id) ?? path}.${copies.size}.raw`;
  await rm(copy, { force: true });
  await convertImage({ path, format }, { path: copy, format: 'raw' });
  copies.set(id, copy);
};

/** The base that changes and what it reads like afterwards: of a commit, also one by which a layer is deleted. */
const mergedBy = (bench: Bench, request: ChainRequest, plan: Plan): { top: string; base: string } | null => {
  if (request.operation === 'commit') return request;
  if (request.operation !== 'delete' || plan.method !== 'commit') return null;
  const base = bench.images.facts(request.imageId).backingId;
  return base === null ? null : { top: request.imageId, base };
};

const carryOut = async (bench: Bench, request: ChainRequest, plan: Plan, copies: Map<string, string>) => {
  const place = JSON.stringify({ seed, request, plan: { ...plan, commands: [] } });
  const before = readers(bench);
  const sizes = new Map(bench.images.list().map((image) => [image.id, image.virtualSize]));
  const copyBefore = new Map([...before].map(([reader, image]) => [reader, copies.get(image)]));
  const merged = mergedBy(bench, request, plan);
  const { id } = await bench.chains.run(request, plan.fingerprint);
  const operation = await bench.operations.wait(id, 60);
  expect(operation.state, `${place} ${JSON.stringify(operation.error)}`).toBe('done');
  await bench.images.scan();

  const sizeOf = (image: string) => sizes.get(image) ?? 0;
  // A base that is longer than what was committed keeps its own tail: no copy of it was made.
  const hasTail = merged !== null && sizeOf(merged.base) > sizeOf(merged.top);
  if (merged !== null) {
    if (hasTail) await recopy(bench, merged.base, copies);
    else copies.set(merged.base, copies.get(merged.top) ?? '');
  }
  const gone = new Set(plan.deletes.map(({ imageId }) => `image ${imageId}`));
  const lost = new Set(plan.losesSnapshots.map((snapshot) => snapshot.id));
  const after = readers(bench);
  const compared = new Map<string, boolean>();
  for (const reader of before.keys()) {
    const [kind, name = ''] = reader.split(' ');
    if (gone.has(reader) || (kind === 'snapshot' && lost.has(name))) {
      expect(after.has(reader), `${reader} is still there: ${place}`).toBe(false);
      continue;
    }
    const image = after.get(reader);
    if (image === undefined) throw new Error(`${reader} is gone: ${place}`);
    const isBase = merged !== null && reader === `image ${merged.base}`;
    const copy = isBase ? copies.get(image) : copyBefore.get(reader);
    const pair = `${image} ${copy}`;
    if (!compared.has(pair)) compared.set(pair, await readsAs(bench, image, copy));
    expect(compared.get(pair), `${reader} reads other bytes: ${place}`).toBe(true);
  }
  for (const { path, format } of bench.images.list())
    if (format === 'qcow2') expect((await checkImage({ path, format })).errors, place).toBe(0);
};

it(`keeps every restore point, sibling and disk reading the same, over random forests and merges (seed ${seed})`, {
  timeout: 60_000 + operationsWanted * 6000,
}, async () => {
  const options = { states: false, maxImages: 7, maxLength: 6 };
  let done = 0;
  let blocked = 0;
  for (let round = 0; done < operationsWanted; round += 1) {
    const [sample] = fc.sample(fc.tuple(arbitraryModel(options), wishes), {
      seed: seed + round,
      numRuns: 1,
    });
    if (sample === undefined) throw new Error('nothing was generated');
    const [model, wanted] = sample;
    const folder = await benchFolder();
    try {
      const bench = folder.open();
      await buildModel(bench, model);
      const copies = await flatten(bench, join(folder.folder, 'before'));
      for (const wish of wanted) {
        const request = requestOf(bench, wish);
        const plan = request === null ? null : await planOf(bench, request);
        if (request === null || plan === null) continue;
        if (plan.blockers.length > 0) {
          blocked += 1;
          await expect(bench.chains.run(request, plan.fingerprint)).rejects.toMatchObject({
            code: 'plan-blocked',
          });
          continue;
        }
        await carryOut(bench, request, plan, copies);
        done += 1;
      }
      for (const { id } of bench.images.list())
        expect(await readsAs(bench, id, copies.get(id)), `seed ${seed + round}`).toBe(true);
    } finally {
      folder.dispose();
    }
  }
  expect(done).toBeGreaterThanOrEqual(operationsWanted);
  expect(blocked).toBeGreaterThan(0);
});
