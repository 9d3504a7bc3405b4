import { execFileSync } from 'node:child_process';
import { chmodSync, linkSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readImageHeader, readQcow2Allocation } from '@strata/disk-image';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../../app-error.ts';
import { rewriteLayer } from '../../../qemu/compact-image.ts';
import { checkImage } from '../../../qemu/qemu-img.ts';
import { holdOpen } from '../../../testing/damaged-image.ts';
import { buildLayers, cluster, fileOf, flatten, readsAs } from '../testing/bench-layers.ts';
import { type Bench, type BenchFolder, benchFolder } from '../testing/chain-bench.ts';
import { killPoints, killStride } from '../testing/kill-points.ts';
import { type CompactTools, compactTools } from './compact-tools.ts';

/*
 *    active                 `layer` holds data, zeros stored as data above data of `base`, zeros above nothing,
 *    layer   branch         marks for zeros, and clusters that nothing uses any more
 *    base ─────┘
 */

/** Each run takes a second: by default every third step. */
const stride = killStride(3);

let folder: BenchFolder;
beforeEach(async () => {
  folder = await benchFolder();
});
afterEach(() => folder.dispose());

const never = <Value>(): Promise<Value> => new Promise(() => {});
const idIn = (bench: Bench) => (name: string) => bench.images.idOf(fileOf({ name }));
const pathIn = (bench: Bench, name: string) => bench.images.pathOf(fileOf({ name }));
const qemuIo = (path: string, ...commands: string[]): string =>
  execFileSync('qemu-io', ['-f', 'qcow2', ...commands.flatMap((command) => ['-c', command]), path], {
    encoding: 'utf8',
  });
const range = (first: number, last: number, pattern: number) =>
  Array.from({ length: last - first }, (_, at) => [first + at, pattern + at] as const);

const form = 'cluster_size=64k,extended_l2=on,lazy_refcounts=on,refcount_bits=64,compression_type=zstd';

const build = async (bench: Bench, options = 'cluster_size=64k'): Promise<Map<string, string>> => {
  await buildLayers(bench, [{ name: 'base', on: null, writes: range(0, 40, 10) }]);
  const path = pathIn(bench, 'layer');
  execFileSync('qemu-img', [
    ...['create', '-q', '-f', 'qcow2', '-o', options, '-b', 'base.qcow2', '-F', 'qcow2', path],
  ]);
  const at = (number: number): string => String(number * cluster);
  qemuIo(
    path,
    `write -P 77 ${at(0)} ${at(10)}`,
    `write -P 0 ${at(10)} ${at(20)}`,
    `write -P 0 ${at(45)} ${at(10)}`,
    `write -z ${at(32)} ${at(4)}`,
    `write -P 99 ${at(38)} 4096`,
  );
  // Given up by a guest whose discards did not reach the file: nothing uses these clusters, and they take their space.
  const unused = `driver=qcow2,discard=unmap,pass-discard-request=off,file.filename=${path}`;
  execFileSync('qemu-io', ['--image-opts', '-c', `discard ${at(2)} ${at(4)}`, unused]);
  await bench.images.scan();
  await buildLayers(bench, [
    { name: 'active', on: 'layer', writes: [[1, 201]] },
    { name: 'branch', on: 'base', writes: [[2, 202]] },
  ]);
  bench.vms.define('vmone', [idIn(bench)('active')]);
  return flatten(bench, join(folder.folder, 'before'));
};

const wishIn = (bench: Bench, name = 'layer') =>
  ({ operation: 'compact', imageId: idIn(bench)(name) }) as const;
const hidden = (): string[] =>
  readdirSync(join(folder.folder, 'images')).filter((name) => name.startsWith('.'));

const expectWhole = async (bench: Bench, copies: ReadonlyMap<string, string>, place = '') => {
  await bench.images.scan();
  expect(bench.images.list(), place).toHaveLength(4);
  for (const { id, name, path, format } of bench.images.list()) {
    expect(await readsAs(bench, id, copies.get(id)), `${name} ${place}`).toBe(true);
    expect((await checkImage({ path, format })).errors, `${name} ${place}`).toBe(0);
  }
  const chain = bench.images.chainFacts(idIn(bench)('active')).map(({ name }) => name);
  expect(chain, place).toEqual(['active', 'layer', 'base']);
  expect(hidden(), place).toEqual([]);
};

describe('compacting a layer', () => {
  it('gives back what the plan says, and everybody reads the same', async () => {
    const bench = folder.open();
    const copies = await build(bench);
    const path = pathIn(bench, 'layer');
    chmodSync(path, 0o640);
    const before = statSync(path);
    const plan = await bench.chains.plan(wishIn(bench));
    expect(plan).toMatchObject({ method: 'rewrite', gain: { exact: true }, blockers: [], live: false });
    // 30 clusters of zeros and 4 that nothing uses; less the ends of tables, which are holes of the old file.
    expect(plan.gain?.bytes).toBeGreaterThan(32 * cluster);
    expect(plan.gain?.bytes).toBeLessThanOrEqual(34 * cluster);
    const held = await readQcow2Allocation(path);
    const operation = await bench.run(wishIn(bench));
    expect(operation).toMatchObject({ state: 'done', kind: 'compact' });
    const after = statSync(path);
    expect(after.ino).not.toBe(before.ino);
    expect(after.mode).toBe(before.mode);
    // The free ends of tables are holes of the new file: a little more comes back than was promised.
    const gained = (before.blocks - after.blocks) * 512;
    expect(gained).toBe(operation.result?.gainedBytes);
    expect(gained - (plan.gain?.bytes ?? 0)).toBeGreaterThanOrEqual(0);
    expect(gained - (plan.gain?.bytes ?? 0)).toBeLessThan(5 * cluster);
    await expectWhole(bench, copies);
    // Zeros above data stay zeros: they are marked, not left open.
    const ranges = (list: typeof held) => list.extents.reduce((sum, { length }) => sum + length, 0);
    const now = await readQcow2Allocation(path);
    expect(ranges(now)).toBe(ranges(held));
    expect(now.extents.filter(({ kind }) => kind === 'zero').length).toBeGreaterThan(1);
    await expect(bench.chains.plan(wishIn(bench))).rejects.toMatchObject({ code: 'not-possible' });
  });

  it('keeps what the file was made with: cluster size, subclusters, lazy refcounts, their width, compression', async () => {
    const bench = folder.open();
    const copies = await build(bench, form);
    const before = await readImageHeader(pathIn(bench, 'layer'));
    expect(await bench.run(wishIn(bench))).toMatchObject({ state: 'done' });
    const after = await readImageHeader(pathIn(bench, 'layer'));
    for (const key of ['version', 'clusterBits', 'extendedL2', 'compatible', 'refcountBits'] as const)
      expect(after.qcow2?.[key], key).toBe(before.qcow2?.[key]);
    expect(after.qcow2?.compression).toBe('zstd');
    expect(after.backing).toEqual(before.backing);
    await expectWhole(bench, copies);
  });

  it('works on a base too, whatever stands on it', async () => {
    const bench = folder.open();
    const copies = await build(bench);
    qemuIo(pathIn(bench, 'base'), `write -P 0 ${41 * cluster} ${10 * cluster}`);
    await bench.images.scan();
    expect(await bench.run(wishIn(bench, 'base'))).toMatchObject({ state: 'done' });
    await expectWhole(bench, copies);
  });

  it('punches holes into a raw image where it is zeros, in its place', async () => {
    const bench = folder.open();
    await buildLayers(bench, [{ name: 'disk', on: null, format: 'raw', writes: range(0, 20, 10) }]);
    const id = bench.images.idOf('disk.raw');
    const path = bench.images.pathOf('disk.raw');
    execFileSync('qemu-io', ['-f', 'raw', '-c', `write -P 0 ${20 * cluster} ${30 * cluster}`, path]);
    await bench.images.scan();
    const before = { bytes: readFileSync(path), ...statSync(path) };
    const wish = { operation: 'compact', imageId: id } as const;
    expect(await bench.chains.plan(wish)).toMatchObject({
      method: 'punch',
      gain: { bytes: 30 * cluster, exact: true },
      freeSpaceNeeded: 0,
    });
    expect(await bench.run(wish)).toMatchObject({ state: 'done', result: { gainedBytes: 30 * cluster } });
    const after = statSync(path);
    expect(after).toMatchObject({ ino: before.ino, size: before.size, blocks: (20 * cluster) / 512 });
    expect(readFileSync(path).equals(before.bytes)).toBe(true);
  });
});

describe('compacting is refused', () => {
  const refusedWith = async (bench: Bench, code: string) => {
    const plan = await bench.chains.plan(wishIn(bench));
    expect(plan.blockers.map((blocker) => blocker.code)).toEqual([code]);
    await expect(bench.chains.run(wishIn(bench), plan.fingerprint)).rejects.toMatchObject({
      code: 'plan-blocked',
    });
  };

  it('for internal snapshots, for dirty bitmaps, for another name of the file, and for compressed clusters', async () => {
    const bench = folder.open();
    const copies = await build(bench);
    const path = pathIn(bench, 'layer');
    execFileSync('qemu-img', ['snapshot', '-c', 'inside', path]);
    await refusedWith(bench, 'internal-snapshots');
    execFileSync('qemu-img', ['snapshot', '-d', 'inside', path]);
    execFileSync('qemu-img', ['bitmap', '--add', '-f', 'qcow2', path, 'daily']);
    await refusedWith(bench, 'bitmaps');
    execFileSync('qemu-img', ['bitmap', '--remove', '-f', 'qcow2', path, 'daily']);
    linkSync(path, join(folder.folder, 'other-name'));
    await refusedWith(bench, 'hard-linked');
    rmSync(join(folder.folder, 'other-name'));
    await expectWhole(bench, copies);
    qemuIo(path, `write -c -P 5 ${56 * cluster} ${cluster}`);
    await refusedWith(bench, 'compressed');
  });

  it('when the layer gets another name while it is written anew: both names keep the file they have', async () => {
    const other = join(folder.folder, 'other-name');
    const linked: CompactTools['rewriteLayer'] = async (from, ...rest) => {
      await rewriteLayer(from, ...rest);
      linkSync(from, other);
    };
    const bench = folder.open({ compact: { ...compactTools, rewriteLayer: linked } });
    const copies = await build(bench);
    const operation = await bench.run(wishIn(bench));
    expect(operation).toMatchObject({ state: 'failed', error: { code: 'not-possible' } });
    expect(statSync(pathIn(bench, 'layer')).ino).toBe(statSync(other).ino);
    await expectWhole(bench, copies);
  });

  it('when there is no space for the new file: it says what to do, and the layer is as it was', async () => {
    const noSpace: CompactTools['rewriteLayer'] = async (from, to, ...rest) => {
      await rewriteLayer(from, to, ...rest);
      throw new AppError('disk-full', 'Rewriting failed: there is not enough space.');
    };
    const bench = folder.open({ compact: { ...compactTools, rewriteLayer: noSpace } });
    const copies = await build(bench);
    const { ino } = statSync(pathIn(bench, 'layer'));
    const operation = await bench.run(wishIn(bench));
    expect(operation).toMatchObject({ state: 'failed', error: { code: 'disk-full' } });
    expect(operation.error?.message).toContain('Free some space there');
    expect(statSync(pathIn(bench, 'layer')).ino).toBe(ino);
    await expectWhole(bench, copies);
  });
});

describe('the old file stays', () => {
  const failing = async (tools: Partial<CompactTools>, code: string) => {
    const bench = folder.open({ compact: { ...compactTools, ...tools } });
    const copies = await build(bench);
    const { ino } = statSync(pathIn(bench, 'layer'));
    const operation = await bench.run(wishIn(bench));
    expect(operation).toMatchObject({ state: 'failed', error: { code } });
    expect(statSync(pathIn(bench, 'layer')).ino).toBe(ino);
    return { bench, copies };
  };

  it('when the new one does not read the same', async () => {
    const { bench, copies } = await failing(
      {
        rewriteLayer: async (from, to, ...rest) => {
          await rewriteLayer(from, to, ...rest);
          qemuIo(to, 'write -P 123 0 512');
        },
      },
      'image-unreadable',
    );
    await expectWhole(bench, copies);
  });

  it('when zeros were left open: over this backing they read the same, over another they would not', async () => {
    const at = 56 * cluster;
    const bench = folder.open({
      compact: {
        ...compactTools,
        rewriteLayer: async (from, to, ...rest) => {
          await rewriteLayer(from, to, ...rest);
          qemuIo(to, `write -z ${at} ${cluster}`);
        },
      },
    });
    const copies = await build(bench);
    const operation = await bench.run(wishIn(bench));
    expect(operation).toMatchObject({ state: 'failed', error: { code: 'image-unreadable' } });
    await expectWhole(bench, copies);
  });

  it('when a program has written it meanwhile', async () => {
    const { bench } = await failing(
      {
        settle: async (path, part) => {
          const settled = await compactTools.settle(path, part);
          qemuIo(path, 'write -P 66 0 512');
          return settled;
        },
      },
      'image-locked',
    );
    expect(qemuIo(pathIn(bench, 'layer'), 'read -P 66 0 512')).not.toContain('failed');
    expect(hidden()).toEqual([]);
  });

  it('when it is found damaged in its place: it gets its name back', async () => {
    const { bench, copies } = await failing(
      {
        takePlace: async (from, path) => {
          if (from.endsWith('.old.part')) return compactTools.takePlace(from, path);
          const bytes = readFileSync(from);
          // The refcount table leads nowhere.
          bytes.fill(0xff, cluster, cluster + 8);
          writeFileSync(from, bytes);
          return compactTools.takePlace(from, path);
        },
      },
      'qemu-refused',
    );
    await expectWhole(bench, copies);
  });

  it('when it is cancelled', async () => {
    let begun = () => {};
    const running = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const bench = folder.open({
      compact: {
        ...compactTools,
        rewriteLayer: async (from, to, backing, watch = {}) => {
          await rewriteLayer(from, to, backing);
          begun();
          await new Promise((resolve) => watch.signal?.addEventListener('abort', resolve));
          watch.signal?.throwIfAborted();
        },
      },
    });
    const copies = await build(bench);
    const { fingerprint } = await bench.chains.plan(wishIn(bench));
    const { id } = await bench.chains.run(wishIn(bench), fingerprint);
    await running;
    expect(await bench.operations.cancel(id)).toMatchObject({ state: 'cancelled' });
    await expectWhole(bench, copies);
  });
});

/** Dies before the call with this number among all that touch the files or read the library. */
const mortalTools = (at: number, calls: string[], die: () => void): CompactTools =>
  new Proxy(compactTools, {
    get: (target, key) => {
      const tool = Reflect.get(target, key) as (...args: unknown[]) => unknown;
      return (...args: unknown[]): unknown => {
        if (calls.length >= at) return never();
        calls.push(String(key));
        if (calls.length < at) return tool(...args);
        die();
        return never();
      };
    },
  });

describe('compacting comes to its end with every byte right', () => {
  it.each(['layer', 'raw'])(
    'when the server is killed, before any step: %s',
    { timeout: 180_000 },
    async (what) => {
      for (let at = 1; at < 60; at += stride) {
        const first = folder.open();
        const copies = await build(first);
        if (what === 'raw') {
          await buildLayers(first, [{ name: 'disk', on: null, format: 'raw', writes: range(0, 20, 10) }]);
          const path = first.images.pathOf('disk.raw');
          execFileSync('qemu-io', ['-f', 'raw', '-c', `write -P 0 ${20 * cluster} ${30 * cluster}`, path]);
        }
        const raw = (): Buffer | null =>
          what === 'raw' ? readFileSync(join(folder.folder, 'images/disk.raw')) : null;
        const bytes = raw();
        const calls: string[] = [];
        let die = () => {};
        const dead = new Promise<'killed'>((resolve) => {
          die = () => resolve('killed');
        });
        const server = folder.open({ compact: mortalTools(at, calls, () => die()) });
        const wish = {
          operation: 'compact',
          imageId: server.images.idOf(what === 'raw' ? 'disk.raw' : 'layer.qcow2'),
        } as const;
        await server.images.scan();
        const { fingerprint } = await server.chains.plan(wish);
        const { id } = await server.chains.run(wish, fingerprint);
        const ended = server.operations.wait(id, 60).then(() => 'ended' as const);
        const how = await Promise.race([ended, dead]);
        const next = folder.open();
        await next.images.scan();
        const place = `killed before call ${at} (${calls.at(-1)})`;
        // As it is found, before anything is taken up.
        const active = idIn(next)('active');
        expect(await readsAs(next, active, copies.get(active)), place).toBe(true);
        await next.operations.recover();
        const operation = await next.operations.wait(id, 60);
        expect(operation.state, `${place} ${JSON.stringify(operation.error)}`).toBe('done');
        if (how === 'killed') expect(operation.recovery, place).not.toBeNull();
        if (bytes !== null) {
          expect(raw()?.equals(bytes), place).toBe(true);
          expect(statSync(join(folder.folder, 'images/disk.raw')).blocks, place).toBe((20 * cluster) / 512);
          expect(hidden(), place).toEqual([]);
        } else await expectWhole(next, copies, place);
        if (how === 'ended') {
          expect(at).toBeGreaterThan(what === 'raw' ? 3 : 12);
          return;
        }
        folder.dispose();
        folder = await benchFolder();
      }
      throw new Error('it never ended');
    },
  );

  it('when the server is killed after the new file has its place, and a program writes that one meanwhile', async () => {
    const copies = await build(folder.open());
    let die = () => {};
    const dead = new Promise<void>((resolve) => {
      die = resolve;
    });
    const server = folder.open({
      compact: {
        ...compactTools,
        takePlace: async (from, path) => {
          await compactTools.takePlace(from, path);
          die();
          return never();
        },
      },
    });
    await server.images.scan();
    const { fingerprint } = await server.chains.plan(wishIn(server));
    const { id } = await server.chains.run(wishIn(server), fingerprint);
    await dead;
    const path = pathIn(server, 'layer');
    const program = await holdOpen(path, `write -P 66 ${60 * cluster} 512`);
    const next = folder.open();
    await next.images.scan();
    await next.operations.recover();
    const operation = await next.operations.wait(id, 60);
    await program.close();
    expect(qemuIo(path, `read -P 66 ${60 * cluster} 512`), operation.state).not.toContain('failed');
    expect(hidden()).toEqual([]);
    qemuIo(path, `write -P 0 ${60 * cluster} 512`);
    const active = idIn(next)('active');
    expect(await readsAs(next, active, copies.get(active))).toBe(true);
  });

  it('when the server is killed while it reads the library', { timeout: 120_000 }, async () => {
    for (let at = 1; at < 30; at += stride) {
      const copies = await build(folder.open());
      const points = killPoints({ at });
      const server = folder.open(points.disturbance);
      await server.images.scan();
      const { fingerprint } = await server.chains.plan(wishIn(server));
      const { id } = await server.chains.run(wishIn(server), fingerprint);
      const ended = server.operations.wait(id, 60).then(() => 'ended' as const);
      const how = await Promise.race([ended, points.reached.then(() => 'killed' as const)]);
      const next = folder.open();
      await next.images.scan();
      await next.operations.recover();
      expect(await next.operations.wait(id, 60), String(points.calls.at(-1))).toMatchObject({
        state: 'done',
      });
      await expectWhole(next, copies, `before call ${at} (${points.calls.at(-1)})`);
      if (how === 'ended') return;
      folder.dispose();
      folder = await benchFolder();
    }
    throw new Error('it never ended');
  });
});
