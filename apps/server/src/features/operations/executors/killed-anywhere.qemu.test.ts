import { join } from 'node:path';
import type { ChainRequest } from '@strata/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../../app-error.ts';
import { checkImage } from '../../../qemu/qemu-img.ts';
import { buildLayers, fileOf, fiveLayers, flatten, readsAs } from '../testing/bench-layers.ts';
import { type Bench, type BenchFolder, benchFolder } from '../testing/chain-bench.ts';
import { killPoints, killStride } from '../testing/kill-points.ts';

/** Each run takes a second: by default every third call. */
const stride = killStride(3);

let folder: BenchFolder;
beforeEach(async () => {
  folder = await benchFolder();
});
afterEach(() => folder.dispose());

const idIn = (bench: Bench) => (name: string) => bench.images.idOf(fileOf({ name }));

const cases: ReadonlyArray<{
  readonly what: string;
  readonly request: (id: (name: string) => string) => ChainRequest;
  readonly left: readonly string[];
  /** Reads afterwards what that layer read before. */
  readonly active: string;
  /** More layers beside the five, and how many files are left with them. */
  readonly besides?: Parameters<typeof buildLayers>[1];
  readonly files?: number;
  /** Of the layers beside the five those that it deletes. */
  readonly deletes?: readonly string[];
  /** Without a block job there are fewer. */
  readonly leastCalls?: number;
}> = [
  {
    what: 'an intermediate commit',
    request: (id) => ({ operation: 'commit', top: id('s2'), base: id('base') }),
    left: ['active', 's3', 'base'],
    active: 'active',
  },
  {
    what: 'a commit of the active layer',
    request: (id) => ({ operation: 'commit', top: id('active'), base: id('s2') }),
    left: ['s2', 's1', 'base'],
    active: 's2',
  },
  {
    what: 'a pull',
    request: (id) => ({ operation: 'pull', into: id('active'), from: id('s1'), deleteUnused: true }),
    left: ['active', 'base'],
    active: 'active',
  },
  {
    what: 'flattening',
    request: (id) => ({ operation: 'flatten', imageId: id('active') }),
    left: ['active'],
    active: 'active',
    files: 5,
  },
  {
    what: 'the deletion of a layer with two overlays',
    request: (id) => ({ operation: 'delete', imageId: id('s2'), mode: 'pull' }),
    left: ['active', 's3', 's1', 'base'],
    active: 'active',
    besides: [{ name: 'branch', on: 's2', writes: [[5, 77]] }],
    files: 5,
  },
  {
    what: 'the deletion of a layer by committing it',
    request: (id) => ({ operation: 'delete', imageId: id('s2'), mode: 'commit' }),
    left: ['active', 's3', 's1', 'base'],
    active: 'active',
  },
  {
    what: 'the deletion of a layer on which nothing stands',
    request: (id) => ({ operation: 'delete', imageId: id('branch'), mode: 'auto' }),
    left: ['active', 's3', 's2', 's1', 'base'],
    active: 'active',
    besides: [{ name: 'branch', on: 's2', writes: [[5, 77]] }],
    deletes: ['branch'],
    leastCalls: 1,
  },
];

/** Builds the chain, starts the operation and kills before the given call; then a new server takes over. */
const killedAt = async (
  { request, left, active, besides = [], files = left.length, deletes = [] }: (typeof cases)[number],
  at: number,
  daemonToo: boolean,
): Promise<'ended-before' | 'recovered'> => {
  const first = folder.open();
  await buildLayers(first, [...fiveLayers(), ...besides]);
  first.vms.define('vmone', [idIn(first)('active')]);
  const copies = await flatten(first, join(folder.folder, `before-${at}`));
  const copy = copies.get(idIn(first)('active'));

  const points = killPoints({ at, daemonToo });
  const server = folder.open(points.disturbance);
  const wish = request(idIn(server));
  await server.images.scan();
  const { fingerprint } = await server.chains.plan(wish);
  const { id } = await server.chains.run(wish, fingerprint);
  const ended = server.operations.wait(id, 60).then(() => 'ended-before' as const);
  const how = await Promise.race([ended, points.reached.then(() => 'recovered' as const)]);

  const next = folder.open();
  await next.images.scan();
  await next.operations.recover();
  const operation = await next.operations.wait(id, 60);
  const place = `killed before call ${at} (${points.calls.at(-1)}): ${JSON.stringify(operation.error)}`;
  expect(operation.state, place).toBe('done');
  if (how === 'recovered') expect(operation.recovery, place).not.toBeNull();
  await next.images.scan();
  const disk = next.vms.diskImage('vmone');
  expect(disk, place).toBe(idIn(next)(active));
  expect(
    next.images.chainFacts(disk).map(({ name }) => name),
    place,
  ).toEqual(left);
  expect(next.images.list(), place).toHaveLength(files);
  for (const { name } of besides.filter((layer) => !deletes.includes(layer.name)))
    expect(await readsAs(next, idIn(next)(name), copies.get(idIn(next)(name))), place).toBe(true);
  expect(await readsAs(next, disk, copy), place).toBe(true);
  for (const { path, format } of next.images.list())
    expect((await checkImage({ path, format })).errors, place).toBe(0);
  return how;
};

describe.each(cases)('$what comes to its end with every byte right', (operation) => {
  it.each([
    ['the server', false],
    ['the server and the storage daemon', true],
  ])('when %s is killed, before any call', { timeout: 300_000 }, async (_who, daemonToo) => {
    for (let at = 1; at < 100; at += stride) {
      if ((await killedAt(operation, at, daemonToo)) === 'ended-before') {
        expect(at).toBeGreaterThan(operation.leastCalls ?? 10);
        return;
      }
      folder.dispose();
      folder = await benchFolder();
    }
    throw new Error('it never ended');
  });
});

it('a storage daemon that is killed while it begins is started again', async () => {
  const first = folder.open();
  await buildLayers(first, fiveLayers());
  const copies = await flatten(first, join(folder.folder, 'before'));
  let tries = 0;
  const bench = folder.open({
    engines: (engines) => ({
      ...engines,
      openDaemon: (request) => {
        tries += 1;
        const killed = new AppError('qemu-unresponsive', 'It was ended by SIGKILL.');
        return tries === 1 ? Promise.reject(killed) : engines.openDaemon(request);
      },
    }),
  });
  await bench.images.scan();
  const ended = await bench.run({ operation: 'flatten', imageId: idIn(bench)('active') });
  expect(ended).toMatchObject({ state: 'done' });
  expect(tries).toBe(2);
  await bench.images.scan();
  expect(await readsAs(bench, idIn(bench)('active'), copies.get(idIn(bench)('active')))).toBe(true);
});
