import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChainRequest } from '@strata/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkImage, convertImage, relinkImage } from '../../../qemu/qemu-img.ts';
import { rebaseImage } from '../../../qemu/rebase-image.ts';
import { daemonFiles, endDaemon, startDaemon } from '../../../qemu/storage-daemon.ts';
import { buildLayers, fileOf, flatten, readsAs } from '../testing/bench-layers.ts';
import { type Bench, type BenchFolder, benchFolder } from '../testing/chain-bench.ts';
import { killPoints } from '../testing/kill-points.ts';
import type { RebaseTools } from './rebase.ts';

/*
 *    active                     The server, qemu-img, or both are killed while `layer` moves from `old` to `other`.
 *    layer ──┐                  Before anything is taken up again, and after, everything reads the same.
 *    old     other
 *    base
 */

let folder: BenchFolder;
beforeEach(async () => {
  folder = await benchFolder();
});
afterEach(() => folder.dispose());

/** A call after which nothing comes. */
const never = <Value>(): Promise<Value> => new Promise(() => {});
const idIn = (bench: Bench) => (name: string) => bench.images.idOf(fileOf({ name }));
const wishIn = (bench: Bench): ChainRequest => ({
  operation: 'rebase',
  imageId: idIn(bench)('layer'),
  backing: idIn(bench)('other'),
  mode: 'safe',
});
const filled = (pattern: number) => Array.from({ length: 60 }, (_, at) => [at, pattern + (at % 7)] as const);

const build = async (): Promise<Map<string, string>> => {
  const bench = folder.open();
  await buildLayers(bench, [
    { name: 'base', on: null, writes: filled(10) },
    { name: 'old', on: 'base', writes: filled(30).slice(20) },
    { name: 'layer', on: 'old', writes: [[3, 200]] },
    { name: 'active', on: 'layer', writes: [[5, 201]] },
    { name: 'other', on: null, writes: filled(60).slice(0, 50) },
  ]);
  bench.vms.define('vmone', [idIn(bench)('active')]);
  return flatten(bench, join(folder.folder, 'before'));
};

const expectSame = async (bench: Bench, copies: ReadonlyMap<string, string>, place: string) => {
  await bench.images.scan();
  for (const { id, name, path, format } of bench.images.list()) {
    expect(await readsAs(bench, id, copies.get(id)), `${name}: ${place}`).toBe(true);
    expect((await checkImage({ path, format })).errors, `${name}: ${place}`).toBe(0);
  }
};

/** Starts it on a server that `tools` kill, resolves when they did, and lets a new server take over. */
const killed = async (tools: (kill: () => void) => Partial<RebaseTools>, place: string) => {
  const copies = await build();
  let kill = () => {};
  const dead = new Promise<void>((resolve) => {
    kill = resolve;
  });
  const server = folder.open({ rebase: { rebaseImage, relinkImage, ...tools(kill) } });
  await server.images.scan();
  const { fingerprint } = await server.chains.plan(wishIn(server));
  const { id } = await server.chains.run(wishIn(server), fingerprint);
  await dead;
  const next = folder.open();
  await next.images.scan();
  await next.operations.recover();
  const operation = await next.operations.wait(id, 60);
  expect(operation.state, `${place} ${JSON.stringify(operation.error)}`).toBe('done');
  await expectSame(next, copies, place);
  const chain = next.images.chainFacts(idIn(next)('active')).map(({ name }) => name);
  expect(chain, place).toEqual(['active', 'layer', 'other']);
  return operation;
};

it('a relink comes to its end with every byte right when the server is killed before any call', {
  timeout: 120_000,
}, async () => {
  for (let at = 1; at < 40; at += 1) {
    await build();
    const first = folder.open();
    await convertImage(
      { path: first.images.pathOf('old.qcow2'), format: 'qcow2' },
      { path: first.images.pathOf('twin.qcow2'), format: 'qcow2' },
    );
    const points = killPoints({ at });
    const rebase = points.count({ rebaseImage, relinkImage });
    const server = folder.open({ ...points.disturbance, rebase });
    await server.images.scan();
    const copies = await flatten(server, join(folder.folder, `twin-${at}`));
    const wish = { ...wishIn(server), backing: idIn(server)('twin'), mode: 'relink' } as ChainRequest;
    const plan = await server.chains.plan(wish);
    expect(plan).toMatchObject({ method: 'relink', blockers: [] });
    const { id } = await server.chains.run(wish, plan.fingerprint);
    const ended = server.operations.wait(id, 60).then(() => 'ended' as const);
    const how = await Promise.race([ended, points.reached.then(() => 'killed' as const)]);
    const next = folder.open();
    await next.images.scan();
    await next.operations.recover();
    const place = `before call ${at} (${points.calls.at(-1)})`;
    expect((await next.operations.wait(id, 60)).state, place).toBe('done');
    await expectSame(next, copies, place);
    expect(next.images.chainFacts(idIn(next)('active')).map(({ name }) => name)).toEqual([
      ...['active', 'layer', 'twin'],
    ]);
    if (how === 'ended') {
      expect(at).toBeGreaterThan(3);
      return;
    }
    folder.dispose();
    folder = await benchFolder();
  }
  throw new Error('it never ended');
});

describe('a safe rebase comes to its end with every byte right', () => {
  it('when the server and qemu-img are killed, at twelve moments from its start to its end', {
    timeout: 120_000,
  }, async () => {
    const copies = await build();
    let whole = 0;
    const timed: RebaseTools['rebaseImage'] = async (...args) => {
      const started = performance.now();
      await rebaseImage(...args);
      whole = performance.now() - started;
    };
    const bench = folder.open({ rebase: { rebaseImage: timed, relinkImage } });
    await bench.images.scan();
    expect(await bench.run(wishIn(bench))).toMatchObject({ state: 'done' });
    await expectSame(bench, copies, 'not killed');
    let inTheMiddle = 0;
    for (let moment = 0; moment < 12; moment += 1) {
      folder.dispose();
      folder = await benchFolder();
      const operation = await killed((kill) => {
        return {
          rebaseImage: async (path, backing) => {
            const end = new AbortController();
            const work = rebaseImage(path, backing, { signal: end.signal }).catch(() => {
              inTheMiddle += 1;
            });
            await Promise.race([work, sleep((whole * moment) / 12)]);
            end.abort();
            await work;
            kill();
            return never();
          },
        };
      }, `killed after ${moment}/12`);
      expect(operation.recovery).not.toBeNull();
    }
    expect(inTheMiddle).toBeGreaterThan(2);
  });

  it('when only the server is killed and its qemu-img goes on: it is waited for', async () => {
    let leftAlone: Promise<void> | null = null;
    const operation = await killed((kill) => {
      return {
        rebaseImage: (path, backing) => {
          leftAlone = rebaseImage(path, backing);
          setTimeout(kill, 20);
          return never();
        },
      };
    }, 'the server alone');
    expect(operation.recovery).not.toBeNull();
    await leftAlone;
  });

  it('when the server is killed before any call', { timeout: 120_000 }, async () => {
    for (let at = 1; at < 40; at += 1) {
      const copies = await build();
      const points = killPoints({ at });
      const server = folder.open(points.disturbance);
      const wish = wishIn(server);
      await server.images.scan();
      const { fingerprint } = await server.chains.plan(wish);
      const { id } = await server.chains.run(wish, fingerprint);
      const ended = server.operations.wait(id, 60).then(() => 'ended' as const);
      const how = await Promise.race([ended, points.reached.then(() => 'killed' as const)]);
      const next = folder.open();
      await next.images.scan();
      await next.operations.recover();
      expect((await next.operations.wait(id, 60)).state, String(points.calls.at(-1))).toBe('done');
      await expectSame(next, copies, `before call ${at} (${points.calls.at(-1)})`);
      if (how === 'ended') {
        expect(at).toBeGreaterThan(4);
        return;
      }
      folder.dispose();
      folder = await benchFolder();
    }
    throw new Error('it never ended');
  });
});

it('a rebase whose data did not reach the file is found by comparing, and the old link is put back', async () => {
  const copies = await build();
  const server = folder.open({
    // The link without the data: what a crash in the default cache mode leaves.
    rebase: { rebaseImage: (path, backing) => relinkImage(path, backing), relinkImage },
  });
  await server.images.scan();
  const operation = await server.run(wishIn(server));
  expect(operation).toMatchObject({ state: 'failed', error: { code: 'image-unreadable' } });
  expect(operation.error?.message).toContain('reads what it always did');
  await expectSame(server, copies, 'put back');
});

it('a rebase that waits for what an earlier server has left can be cancelled', async () => {
  const copies = await build();
  const server = folder.open({ rebase: { relinkImage, rebaseImage: never } });
  await server.images.scan();
  const { fingerprint } = await server.chains.plan(wishIn(server));
  const { id } = await server.chains.run(wishIn(server), fingerprint);
  const holder = await startDaemon('Holding the image', daemonFiles(folder.folder, 'holder'), {
    driver: 'qcow2',
    'node-name': 'held',
    file: { driver: 'file', filename: server.images.pathOf(fileOf({ name: 'layer' })) },
  });
  const next = folder.open();
  await next.images.scan();
  await next.operations.recover();
  await expect.poll(() => next.operations.get(id).recovery).toContain('still at work');
  await next.operations.cancel(id);
  expect(await next.operations.wait(id, 30)).toMatchObject({ state: 'cancelled' });
  await endDaemon(holder);
  await expectSame(next, copies, 'cancelled');
  const chain = next.images.chainFacts(idIn(next)('active')).map(({ name }) => name);
  expect(chain).toEqual(['active', 'layer', 'old', 'base']);
});

it('a cancelled rebase leaves everything as it was', async () => {
  const copies = await build();
  let begun = () => {};
  const running = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const server = folder.open({
    rebase: {
      relinkImage,
      rebaseImage: (path, backing, watch) => {
        begun();
        return rebaseImage(path, backing, watch);
      },
    },
  });
  await server.images.scan();
  const { fingerprint } = await server.chains.plan(wishIn(server));
  const { id } = await server.chains.run(wishIn(server), fingerprint);
  await running;
  expect(await server.operations.cancel(id)).toMatchObject({ state: 'cancelled' });
  await expectSame(server, copies, 'cancelled');
  const chain = server.images.chainFacts(idIn(server)('active')).map(({ name }) => name);
  expect(chain).toEqual(['active', 'layer', 'old', 'base']);
});
