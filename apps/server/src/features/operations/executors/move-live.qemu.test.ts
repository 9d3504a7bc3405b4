import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ChainRequest } from '@strata/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BlockEngines } from '../../../qemu/block-engine.types.ts';
import { canMount, mountAlsoAt, mountSmallDisk } from '../../../testing/full-disk.ts';
import { expectSame, qemuImg, writeAt } from '../../../testing/work-bench.ts';
import { killPoints } from '../testing/kill-points.ts';
import { dyingAt, endOf, type MoveBench, type MoveServer, moveBench } from '../testing/move-bench.ts';

let bench: MoveBench;
let server: MoveServer;
const idOf = (path: string): string => server.images.findByPath(path)?.id ?? `no ${path}`;
const move = (imageId: string): ChainRequest => ({
  operation: 'move',
  imageId,
  folder: dirname(bench.at('there', 'x')),
});

const replaced = (path: string): void => {
  rmSync(path);
  writeAtNew(path);
};
const written = (path: string): void => writeAt(path, 5, 55);

const prepare = async (format: 'qcow2' | 'raw' = 'qcow2'): Promise<void> => {
  bench = moveBench();
  bench.build(format);
  await bench.startVm();
  server = await bench.open();
};
const cleanUp = (): Promise<void> => bench.dispose();

/** Another server on the same world. */
const reopen = async (...disturb: Parameters<MoveBench['open']>): Promise<void> => {
  server = await bench.open(...disturb);
};
const linkOf = (path: string): string | undefined =>
  (JSON.parse(qemuImg('info', '-U', '--output=json', path)) as { 'backing-filename'?: string })[
    'backing-filename'
  ];
const files = (): string[] =>
  ['here', 'there'].flatMap((place) =>
    readdirSync(dirname(bench.at(place as 'here', 'x')))
      .filter((name) => !name.startsWith('.strata-trash'))
      .map((name) => `${place}/${name}`),
  );

/** The VM's process ends; what lies in the file must be all that was written. */
const verify = async (path: string): Promise<void> => {
  const format = path.endsWith('.raw') ? 'raw' : 'qcow2';
  await bench.killVm();
  server.vms.setLive('web', null);
  expectSame(path, bench.expected, [format, 'raw']);
  if (format === 'qcow2') qemuImg('check', '-q', '-f', 'qcow2', path);
};

describe('moving the disk that a running VM writes', () => {
  beforeEach(() => prepare());
  afterEach(cleanUp);

  it('is planned to the cluster, and keeps what the guest writes before, during and after it', async () => {
    const [here, there] = [bench.at('here', 'active.qcow2'), bench.at('there', 'active.qcow2')];
    const image = idOf(here);
    await bench.write(2, 10);
    const plan = await server.chains.plan(move(image));
    expect(plan).toMatchObject({
      ...{ operation: 'move', method: 'mirror', live: true, bytesToMove: 4 * 1024 ** 2, blockers: [] },
      ...{ relocates: { imageId: image, from: here, to: there }, deletes: [], losesSnapshots: [] },
    });
    expect(plan.freeSpaceNeeded).toBeGreaterThan(plan.bytesToMove);
    expect(plan.commands.join('\n')).toContain('"execute":"blockdev-mirror"');
    await reopen(dyingAt(killPoints({ at: null, speed: 8 * 1024 ** 2 })));
    const operation = await server.begin(move(image));
    for (let at = 0; at < 8; at += 1) await bench.write(3 + 3 * at, 50 + at);
    expect(server.images.list().map(({ path }) => path)).not.toContain(there);
    const ended = await endOf(server, operation);
    expect(ended, JSON.stringify(ended.error)).toMatchObject({ state: 'done', kind: 'move' });
    expect(await bench.isRunning()).toBe(true);
    await bench.write(2, 99);
    expect(server.images.facts(image)).toMatchObject({ path: there, name: 'active.qcow2' });
    expect(server.vms.diskImage('web')).toBe(image);
    expect(linkOf(there)).toBe('../data/images/base.qcow2');
    expect(files()).toEqual(['here/base.qcow2', 'there/active.qcow2']);
    expect(server.images.list()).toHaveLength(2);
    await verify(there);
  });

  it('can be done again, back to where it was, and keeps nothing of the old file open', async () => {
    const image = idOf(bench.at('here', 'active.qcow2'));
    expect(await endOf(server, await server.begin(move(image)))).toMatchObject({ state: 'done' });
    const back = { ...move(image), folder: dirname(bench.at('here', 'x')) } as ChainRequest;
    const ended = await endOf(server, await server.begin(back));
    expect(ended, JSON.stringify(ended.error)).toMatchObject({ state: 'done' });
    await bench.write(4, 44);
    expect(files()).toEqual(['here/active.qcow2', 'here/base.qcow2']);
    expect(linkOf(bench.at('here', 'active.qcow2'))).toBe('base.qcow2');
    const nodes = await bench.live.qmp.execute('query-blockstats', { 'query-nodes': true });
    expect(nodes.map((node) => node['node-name']).filter((name) => /^[df]-v/.test(name ?? ''))).toEqual([]);
    await verify(bench.at('here', 'active.qcow2'));
  });

  it('leaves everything as it was when it is cancelled', async () => {
    const image = idOf(bench.at('here', 'active.qcow2'));
    await reopen(dyingAt(killPoints({ at: null, speed: 256 * 1024 })));
    const operation = await server.begin(move(image));
    await expect.poll(() => server.operations.get(operation).progress.done).toBeGreaterThan(0);
    await server.operations.pause(operation);
    expect(server.operations.get(operation).state).toBe('paused');
    await server.operations.resume(operation);
    await bench.write(6, 66);
    await server.operations.cancel(operation);
    expect(await endOf(server, operation)).toMatchObject({ state: 'cancelled' });
    expect(files()).toEqual(['here/active.qcow2', 'here/base.qcow2']);
    expect(server.images.facts(image).path).toBe(bench.at('here', 'active.qcow2'));
    await bench.write(7, 77);
    await verify(bench.at('here', 'active.qcow2'));
  });

  it('takes no name that is taken, no folder outside the library, and no plan of yesterday', async () => {
    const image = idOf(bench.at('here', 'active.qcow2'));
    const { fingerprint } = await server.chains.plan(move(image));
    writeAtNew(bench.at('there', 'active.qcow2'));
    const before = statSync(bench.at('there', 'active.qcow2')).mtimeMs;
    expect((await server.chains.plan(move(image))).blockers).toMatchObject([{ code: 'image-exists' }]);
    await expect(server.chains.run(move(image), fingerprint)).rejects.toMatchObject({ code: 'plan-stale' });
    const outside = { operation: 'move', imageId: image, folder: bench.root } as const;
    await expect(server.chains.plan(outside)).rejects.toMatchObject({ code: 'forbidden-path' });
    await expect(
      server.chains.plan({ ...outside, folder: dirname(bench.at('here', 'x')) }),
    ).rejects.toMatchObject({ code: 'not-possible' });
    expect(statSync(bench.at('there', 'active.qcow2')).mtimeMs).toBe(before);
    expect(await bench.isRunning()).toBe(true);
  });

  it('gives way to a file that appears under its name after the plan, and removes nothing of it', async () => {
    const image = idOf(bench.at('here', 'active.qcow2'));
    await reopen({
      files: (moves) => ({
        ...moves,
        blank: async (wish) => {
          const key = await moves.blank(wish);
          writeAtNew(bench.at('there', 'active.qcow2'));
          return key;
        },
      }),
    });
    const ended = await endOf(server, await server.begin(move(image)));
    expect(ended).toMatchObject({ state: 'failed', error: { code: 'image-exists' } });
    expect(files()).toEqual(['here/active.qcow2', 'here/base.qcow2', 'there/active.qcow2']);
    expect(server.images.facts(image).path).toBe(bench.at('here', 'active.qcow2'));
    await verify(bench.at('here', 'active.qcow2'));
  });

  it('says when the old file cannot be removed: the disk was moved all the same', async () => {
    const image = idOf(bench.at('here', 'active.qcow2'));
    await reopen({
      files: (moves) => ({
        ...moves,
        exclusively: (work) =>
          moves.exclusively((steps) =>
            work({ ...steps, removeOld: () => Promise.reject(new Error('EROFS: read-only file system')) }),
          ),
      }),
    });
    const ended = await endOf(server, await server.begin(move(image)));
    expect(ended).toMatchObject({ state: 'done', recovery: expect.stringContaining('could not be removed') });
    expect(server.images.facts(image).path).toBe(bench.at('there', 'active.qcow2'));
    await bench.write(3, 33);
    await verify(bench.at('there', 'active.qcow2'));
  });

  it.each([
    ['another file has taken its name', replaced],
    ['another program has written it', written],
  ])('keeps the old file when %s since the switch', async (_what, disturb) => {
    const [image, old] = [idOf(bench.at('here', 'active.qcow2')), bench.at('here', 'active.qcow2')];
    await reopen({
      files: (moves) => ({
        ...moves,
        exclusively: (work) =>
          moves.exclusively((steps) =>
            work({
              ...steps,
              strangerAt: (...args) => {
                disturb(old);
                return steps.strangerAt(...args);
              },
            }),
          ),
      }),
    });
    const ended = await endOf(server, await server.begin(move(image)));
    expect(ended).toMatchObject({ state: 'done', recovery: expect.stringContaining('was kept') });
    expect(existsSync(old)).toBe(true);
    expect(server.images.facts(image).path).toBe(bench.at('there', 'active.qcow2'));
    await bench.write(3, 33);
    await verify(bench.at('there', 'active.qcow2'));
  });

  it('keeps the old file when another one lies under the new name: it may be the only one left', async () => {
    const [image, old] = [idOf(bench.at('here', 'active.qcow2')), bench.at('here', 'active.qcow2')];
    const there = bench.at('there', 'active.qcow2');
    await reopen({
      files: (moves) => ({
        ...moves,
        exclusively: (work) =>
          moves.exclusively((steps) =>
            work({
              ...steps,
              removeOld: (...args) => {
                renameSync(there, `${there}.aside`);
                writeAtNew(there);
                return steps.removeOld(...args);
              },
            }),
          ),
      }),
    });
    const ended = await endOf(server, await server.begin(move(image)));
    expect(ended).toMatchObject({ state: 'failed', error: { message: expect.stringContaining('was kept') } });
    expect(existsSync(old)).toBe(true);
    await verify(`${there}.aside`);
  });

  it('pauses when the new file finds no space, and goes on when it is resumed', async () => {
    const image = idOf(bench.at('here', 'active.qcow2'));
    await reopen({ engines: withFullTarget });
    const operation = await server.begin(move(image));
    await expect
      .poll(() => server.operations.get(operation), { timeout: 10_000 })
      .toMatchObject({ state: 'paused', pausedBecause: 'no-space' });
    await bench.write(8, 88);
    await server.operations.resume(operation);
    const ended = await endOf(server, operation);
    expect(ended, JSON.stringify(ended.error)).toMatchObject({ state: 'done' });
    await bench.write(9, 90);
    await verify(bench.at('there', 'active.qcow2'));
  });

  it('goes on without the VM when its QEMU is killed in the middle', async () => {
    const image = idOf(bench.at('here', 'active.qcow2'));
    await reopen(dyingAt(killPoints({ at: null, speed: 1024 ** 2 })));
    const operation = await server.begin(move(image));
    await expect.poll(() => server.operations.get(operation).progress.done).toBeGreaterThan(0);
    await bench.write(5, 55);
    await bench.killVm();
    server.vms.setLive('web', null);
    const ended = await endOf(server, operation);
    expect(ended, JSON.stringify(ended.error)).toMatchObject({ state: 'done' });
    expect(ended.recovery).toContain('went on without it');
    expect(files()).toEqual(['here/base.qcow2', 'there/active.qcow2']);
    await verify(bench.at('there', 'active.qcow2'));
  });

  it('keeps the VM still while the switch cannot be written down, and loses nothing', async () => {
    const image = idOf(bench.at('here', 'active.qcow2'));
    server.db.exec(forbid);
    const operation = await server.begin(move(image));
    const waiting = { state: 'finishing', recovery: expect.stringContaining('stands still') };
    await expect.poll(() => server.operations.get(operation), { timeout: 20_000 }).toMatchObject(waiting);
    expect(await bench.isRunning()).toBe(false);
    await expect(server.vms.resume('web')).rejects.toMatchObject({ code: 'operation-running' });
    server.db.exec('DROP TRIGGER no_switch');
    const ended = await endOf(server, operation);
    expect(ended, JSON.stringify(ended.error)).toMatchObject({ state: 'done' });
    expect(await bench.isRunning()).toBe(true);
    await bench.write(2, 22);
    await verify(bench.at('there', 'active.qcow2'));
  });
});

/** As when the disk of the data folder is full at the one moment that matters. */
const forbid = `CREATE TRIGGER no_switch BEFORE UPDATE ON operations WHEN NEW.journal LIKE '%"switched"%'
  BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END`;

const writeAtNew = (path: string): void => {
  qemuImg('create', '-q', '-f', 'qcow2', path, '1M');
  writeAt(path, 0, 7);
};

it('of a VM that is off the file is moved by the same request', async () => {
  await prepare();
  try {
    await bench.killVm();
    server.vms.setLive('web', null);
    const image = idOf(bench.at('here', 'active.qcow2'));
    const plan = await server.chains.plan(move(image));
    expect(plan).toMatchObject({ method: 'link', live: false, bytesToMove: 0, blockers: [] });
    const ended = await endOf(server, await server.begin(move(image)));
    expect(ended, JSON.stringify(ended.error)).toMatchObject({ state: 'done', kind: 'image-rename' });
    expect(linkOf(bench.at('there', 'active.qcow2'))).toBe('../data/images/base.qcow2');
    // The base below it goes too, and the link to it follows.
    const base = idOf(bench.at('here', 'base.qcow2'));
    expect((await server.chains.plan(move(base))).relinks).toMatchObject([{ imageId: image }]);
    expect(await endOf(server, await server.begin(move(base)))).toMatchObject({ state: 'done' });
    expect(linkOf(bench.at('there', 'active.qcow2'))).toBe('base.qcow2');
    expect(existsSync(bench.at('here', 'base.qcow2'))).toBe(false);
    await verify(bench.at('there', 'active.qcow2'));
  } finally {
    await cleanUp();
  }
});

it('a raw disk stays raw, sparse, and deaf to discards, whatever its guest has written to its beginning', async () => {
  await prepare('raw');
  try {
    const [here, there] = [bench.at('here', 'active.raw'), bench.at('there', 'active.raw')];
    const image = idOf(here);
    const ended = await endOf(server, await server.begin(move(image)));
    expect(ended, JSON.stringify(ended.error)).toMatchObject({ state: 'done' });
    await bench.write(0, 0x51);
    expect(server.images.facts(image)).toMatchObject({ path: there, format: 'raw' });
    expect(statSync(there).blocks * 512).toBeLessThan(6 * 1024 ** 2);
    const before = statSync(there).blocks;
    await bench.live.qmp.execute('human-monitor-command', {
      'command-line': `qemu-io -d ${bench.live.qdevOf('')} "discard 1M 1M"`,
    });
    expect(statSync(there).blocks).toBe(before);
    await verify(there);
  } finally {
    await cleanUp();
  }
});

/** The target's first new cluster finds the disk full, once (QEMU's own blkdebug). */
function withFullTarget(engines: BlockEngines): BlockEngines {
  const full = { event: 'cluster_alloc', errno: 28, once: true };
  return {
    ...engines,
    live: (vm, diskId) => {
      const execute = (
        name: string,
        args?: Record<string, unknown>,
        ...rest: unknown[]
      ): Promise<unknown> => {
        const { file, ...node } = (args ?? {}) as { file?: Record<string, unknown> };
        const { driver, filename, ...outer } = file ?? {};
        const injected = {
          ...node,
          file: { ...outer, driver: 'blkdebug', 'inject-error': [full], image: { driver, filename } },
        };
        const sent = name === 'blockdev-add' && file !== undefined ? injected : args;
        return (vm.qmp.execute as (...all: unknown[]) => Promise<unknown>)(name, sent, ...rest);
      };
      const qmp = new Proxy(vm.qmp, {
        get: (target, key) => {
          if (key === 'execute') return execute;
          const value: unknown = Reflect.get(target, key, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
      return engines.live({ ...vm, qmp }, diskId);
    },
  };
}

it.runIf(canMount)(
  'to a disk that is not mounted any more after a restart, waits for it and fills no empty folder',
  async () => {
    bench = moveBench();
    const stick = `${bench.root}/stick`;
    const there = dirname(bench.at('there', 'x'));
    const disk = mountSmallDisk(stick, 4096);
    let unplug = mountAlsoAt(stick, there);
    try {
      bench.build();
      await bench.startVm();
      const points = killPoints({ at: 1, only: /^blockdev-mirror$/ });
      await reopen(dyingAt(points));
      const image = idOf(bench.at('here', 'active.qcow2'));
      const id = await server.begin(move(image));
      await points.reached;
      await bench.killVm();
      unplug();
      await reopen();
      server.vms.setLive('web', null);
      const recovering = server.operations.recover();
      await expect
        .poll(() => server.operations.get(id).recovery, { timeout: 20_000 })
        .toContain('is not mounted now');
      expect(files()).toEqual(['here/active.qcow2', 'here/base.qcow2']);
      unplug = mountAlsoAt(stick, there);
      await recovering;
      const ended = await endOf(server, id);
      expect(ended, JSON.stringify(ended.error)).toMatchObject({ state: 'done' });
      expect(files()).toEqual(['here/base.qcow2', 'there/active.qcow2']);
      await verify(bench.at('there', 'active.qcow2'));
    } finally {
      unplug();
      disk.unmount();
      await cleanUp();
    }
  },
);
