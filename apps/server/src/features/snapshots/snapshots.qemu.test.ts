import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodesInPreparation } from '../../qemu/dropped-nodes.ts';
import { writeBlocks } from '../../qemu/qemu-io.ts';
import { type BenchGuest, startGuest } from '../operations/testing/bench-guest.ts';
import { buildLayers, cluster, fileOf, flatten, readsAs } from '../operations/testing/bench-layers.ts';
import { type Bench, type BenchFolder, benchFolder } from '../operations/testing/chain-bench.ts';
import { killPoints } from '../operations/testing/kill-points.ts';

let folder: BenchFolder;
let bench: Bench;
const id = (name: string, format: 'qcow2' | 'raw' = 'qcow2') => bench.images.idOf(fileOf({ name, format }));

/** A VM with two disks: `a` on `base`, and the raw `b`. */
const build = async (): Promise<void> => {
  folder = await benchFolder();
  bench = folder.open();
  await buildLayers(bench, [
    { name: 'base', on: null, writes: [[0, 1]] },
    { name: 'a', on: 'base', writes: [[1, 2]] },
    { name: 'b', on: null, format: 'raw', writes: [[2, 3]] },
  ]);
  bench.vms.define('vmone', [id('a'), id('b', 'raw')]);
};
beforeEach(build);
afterEach(() => folder.dispose());

const write = async (image: string, at: number, pattern: number): Promise<void> => {
  const { path, format } = bench.images.facts(image);
  await writeBlocks({ path, format }, [{ offset: at * cluster, length: cluster, pattern }], folder.folder);
  await bench.images.scan();
};

const take = async (name: string, more: { disks?: string[] } = {}) => {
  const operation = await bench.snapshots.take('vmone', { name, kind: 'external', memory: false, ...more });
  return bench.operations.wait(operation.id, 30);
};
const revert = async (
  snapshotId: string,
  wish: Partial<Parameters<Bench['snapshots']['revert']>[2]> = {},
) => {
  const operation = await bench.snapshots.revert('vmone', snapshotId, { keepCurrent: true, ...wish });
  return bench.operations.wait(operation.id, 30);
};
const idOf = (operation: { result?: Record<string, unknown> | undefined }): string =>
  String(operation.result?.snapshotId);

describe('a snapshot of a VM that is off', () => {
  it('freezes all its disks and lets them continue on overlays', async () => {
    const [a, b] = [bench.vms.diskImage('vmone', 0), bench.vms.diskImage('vmone', 1)];
    const operation = await take('first');
    expect(operation).toMatchObject({ state: 'done', progress: { unit: 'steps' } });
    expect(bench.images.facts(bench.vms.diskImage('vmone', 0))).toMatchObject({
      format: 'qcow2',
      backingId: a,
    });
    expect(bench.images.facts(bench.vms.diskImage('vmone', 1))).toMatchObject({
      format: 'qcow2',
      backingId: b,
    });
    const { tree, current } = await bench.snapshots.tree('vmone');
    expect(current).toEqual({ snapshotId: idOf(operation), changed: false });
    expect(tree).toMatchObject([
      {
        name: 'first',
        consistency: 'crash',
        vmWasOff: true,
        children: [],
        disks: [
          { diskId: 'vmoned0', imageId: a },
          { diskId: 'vmoned1', imageId: b },
        ],
      },
    ]);
    expect(tree[0]?.sizes.own).toBe(
      bench.images.facts(a).allocatedSize + bench.images.facts(b).allocatedSize,
    );
  });

  it('takes only the disks that were chosen', async () => {
    const b = bench.vms.diskImage('vmone', 1);
    await take('half', { disks: ['vmoned0'] });
    expect(bench.vms.diskImage('vmone', 1)).toBe(b);
    await expect(take('none', { disks: ['elsewhere'] })).rejects.toMatchObject({ code: 'not-found' });
  });

  it('says when something was written since', async () => {
    await take('first');
    await write(bench.vms.diskImage('vmone', 0), 9, 9);
    expect((await bench.snapshots.tree('vmone')).current.changed).toBe(true);
  });

  it('follows the current one in the tree', async () => {
    const first = idOf(await take('first'));
    const second = idOf(await take('second'));
    const { tree } = await bench.snapshots.tree('vmone');
    expect(tree).toMatchObject([{ id: first, children: [{ id: second, parentId: first }] }]);
  });

  it('is all or nothing: when one overlay cannot be made, none is left', async () => {
    const before = bench.images.list().length;
    bench = folder.open({
      images: (images) => ({
        ...images,
        createPlacedOverlay: async (placed) => {
          if (images.facts(placed.backingId).format === 'raw') throw new Error('no room');
          return images.createPlacedOverlay(placed);
        },
      }),
    });
    await bench.images.scan();
    expect(await take('never')).toMatchObject({ state: 'failed' });
    await bench.images.scan();
    expect(bench.images.list()).toHaveLength(before);
    expect((await bench.snapshots.tree('vmone')).tree).toEqual([]);
    expect(bench.vms.diskImage('vmone', 0)).toBe(id('a'));
  });
});

/** A program of somebody else that has an image open for writing. */
const withForeignWriter = async (image: string, work: (pid: number) => Promise<void>): Promise<void> => {
  const { path, format } = bench.images.facts(image);
  const holder = spawn('qemu-io', ['-f', format, path], { stdio: ['pipe', 'pipe', 'ignore'] });
  try {
    holder.stdin.write('read 0 512\n');
    await once(holder.stdout, 'data');
    await work(holder.pid ?? 0);
  } finally {
    holder.stdin.end('quit\n');
    await once(holder, 'exit');
  }
};
const noDaemonLeft = async (): Promise<void> => expect(await readdir(join(folder.folder, 'run'))).toEqual([]);

describe('while another program has an active layer open', () => {
  it.each([
    ['qcow2', 0],
    ['raw', 1],
  ])('no snapshot is taken of a %s disk: it could change the restore point', async (_format, position) => {
    const active = bench.vms.diskImage('vmone', position);
    const { path } = bench.images.facts(active);
    const before = bench.images.list().length;
    await withForeignWriter(active, async (pid) => {
      const refusal = { code: 'image-locked', status: 409 };
      await expect(take('never')).rejects.toMatchObject(refusal);
      await expect(take('never')).rejects.toThrow(path);
      await expect(take('never')).rejects.toThrow(`process ${pid}`);
    });
    await bench.images.scan();
    expect(bench.images.list()).toHaveLength(before);
    expect(await take('now')).toMatchObject({ state: 'done' });
    await noDaemonLeft();
  });

  it('one that comes in the middle is noticed, and nothing has changed', async () => {
    const active = id('a');
    let opened: Promise<void> = Promise.resolve();
    let close: () => void = () => {};
    bench = folder.open({
      images: (images) => ({
        ...images,
        createPlacedOverlay: async (placed) => {
          const made = await images.createPlacedOverlay(placed);
          if (placed.backingId !== active) return made;
          await new Promise<void>((ready) => {
            opened = withForeignWriter(active, () => {
              ready();
              return new Promise((done) => {
                close = done;
              });
            });
          });
          return made;
        },
      }),
    });
    await bench.images.scan();
    const before = bench.images.list().length;
    const operation = await take('never');
    close();
    await opened;
    expect(operation).toMatchObject({ state: 'failed', error: { code: 'image-locked' } });
    await bench.images.scan();
    expect(bench.images.list()).toHaveLength(before);
    expect(bench.vms.diskImage('vmone', 0)).toBe(active);
    await noDaemonLeft();
  });

  it('a revert is blocked, and its plan names the program', async () => {
    const first = idOf(await take('first'));
    const active = bench.vms.diskImage('vmone', 0);
    await withForeignWriter(active, async (pid) => {
      const plan = await bench.snapshots.planRevert('vmone', first, { keepCurrent: true });
      expect(plan.blockers).toMatchObject([{ code: 'image-locked' }]);
      expect(plan.blockers[0]?.message).toContain(`process ${pid}`);
      await expect(revert(first)).rejects.toMatchObject({ code: 'plan-blocked', status: 409 });
    });
    expect(await revert(first)).toMatchObject({ state: 'done' });
    await noDaemonLeft();
  });

  it('a revert fails when the restore point itself is being written by it', async () => {
    const first = idOf(await take('first'));
    const [frozen, active] = [id('a'), bench.vms.diskImage('vmone', 0)];
    await withForeignWriter(frozen, async () => {
      expect(await revert(first)).toMatchObject({ state: 'failed', error: { code: 'image-locked' } });
    });
    expect(bench.vms.diskImage('vmone', 0)).toBe(active);
    await noDaemonLeft();
  });
});

it('a snapshot of a VM that is off is whole or not there, whichever call the server is killed before', {
  timeout: 120_000,
}, async () => {
  for (let at = 1; at < 30; at += 1) {
    const points = killPoints({ at, only: /^(?!check-chain)/ });
    bench = folder.open(points.disturbance);
    await bench.images.scan();
    const before = await flatten(bench, join(folder.folder, 'before'));
    const [a, b] = [id('a'), id('b', 'raw')];
    const started = await bench.snapshots.take('vmone', { name: 'off', kind: 'external', memory: false });
    const ended = bench.operations.wait(started.id, 30).then(() => 'ended-before');
    const how = await Promise.race([ended, points.reached]);
    bench = folder.open();
    await bench.images.scan();
    await bench.operations.recover();
    const outcome = await bench.operations.wait(started.id, 60);
    const place = `killed before call ${at} (${how}): ${JSON.stringify(outcome.error)}`;
    expect(outcome.state, place).toBe('done');
    await bench.images.scan();
    expect((await bench.snapshots.tree('vmone')).tree, place).toHaveLength(1);
    expect(bench.images.list(), place).toHaveLength(5);
    for (const [position, frozen] of [a, b].entries()) {
      const active = bench.vms.diskImage('vmone', position);
      expect(bench.images.facts(active).backingId, place).toBe(frozen);
      expect(await readsAs(bench, active, before.get(frozen)), place).toBe(true);
    }
    await noDaemonLeft();
    if (how === 'ended-before') {
      expect(at).toBeGreaterThan(5);
      return;
    }
    folder.dispose();
    await build();
  }
});

it('a snapshot is forgotten with its picture or still there with it, whenever the server is killed', {
  timeout: 60_000,
}, async () => {
  for (let at = 1; at < 40; at += 1) {
    bench.vms.setPicture('vmone', Buffer.from('png'));
    const snapshotId = idOf(await take('kept'));
    const picture = join(folder.folder, 'vms', 'vmone', 'snapshots', `${snapshotId}.png`);
    const before = await flatten(bench, join(folder.folder, 'before'));
    let changes = 0;
    const publish = (): void => {
      changes += 1;
      if (changes < at) return;
      folder.kill();
      throw new Error('killed');
    };
    bench = folder.open({ publish });
    await bench.images.scan();
    let begun: string | null = null;
    let how = 'killed';
    try {
      ({ id: begun } = await bench.deletions.run('vmone', { snapshots: [snapshotId], mode: 'forget' }));
      const ended = bench.operations.wait(begun, 30).then(() => 'ended');
      how = await Promise.race([ended, untilKilled(() => changes >= at)]);
    } catch {
      // Killed before it could be answered.
    }
    bench = folder.open();
    await bench.images.scan();
    await bench.operations.recover();
    const [operation] = bench.operations.list({}).items.filter(({ kind }) => kind === 'snapshot-delete');
    const place = `killed at change ${at}`;
    if (operation !== undefined)
      expect(await bench.operations.wait(operation.id, 30), place).toMatchObject({ state: 'done' });
    else expect(begun, place).toBeNull();
    const isGone = operation !== undefined;
    expect((await bench.snapshots.tree('vmone')).tree, place).toHaveLength(isGone ? 0 : 1);
    expect(existsSync(picture), place).toBe(!isGone);
    for (const [image, copy] of before) expect(await readsAs(bench, image, copy), place).toBe(true);
    if (how === 'ended') {
      expect(at).toBeGreaterThan(2);
      return;
    }
    folder.dispose();
    await build();
  }
  throw new Error('it never ended');
});

const untilKilled = async (isDead: () => boolean): Promise<'killed'> => {
  while (!isDead()) await new Promise((next) => setTimeout(next, 5));
  return 'killed';
};

describe('the picture of a snapshot', () => {
  it('shows the last screen of a VM that is off, but never that of a state it was reverted from', async () => {
    bench.vms.setPicture('vmone', Buffer.from('png of now'));
    const first = idOf(await take('first'));
    expect(String(await bench.snapshots.screenshot('vmone', first))).toBe('png of now');
    await revert(first);
    const [tree] = (await bench.snapshots.tree('vmone')).tree;
    const kept = tree?.children[0]?.id ?? '';
    expect(tree?.children[0]).toMatchObject({ vmWasOff: true, hasScreenshot: true });
    expect(String(await bench.snapshots.screenshot('vmone', kept))).toBe('png of now');
    const after = idOf(await take('after the revert'));
    expect(bench.snapshots.get('vmone', after)).toMatchObject({ hasScreenshot: false, vmWasOff: true });
  });
});

describe('a revert', () => {
  it('continues from the snapshot and keeps the current state as one more', async () => {
    const first = idOf(await take('first'));
    const atFirst = await flatten(bench, join(folder.folder, 'first'));
    const shown = bench.images.facts(bench.vms.diskImage('vmone', 0)).backingId ?? '';
    await write(bench.vms.diskImage('vmone', 0), 9, 9);
    const left = bench.vms.diskImage('vmone', 0);
    const atLeft = await flatten(bench, join(folder.folder, 'left'));
    expect(await revert(first)).toMatchObject({ state: 'done' });

    await bench.images.scan();
    const active = bench.vms.diskImage('vmone', 0);
    expect(active).not.toBe(left);
    expect(await readsAs(bench, active, atFirst.get(shown))).toBe(true);
    const { tree, current } = await bench.snapshots.tree('vmone');
    expect(current).toEqual({ snapshotId: first, changed: false });
    const [kept] = tree[0]?.children ?? [];
    expect(kept).toMatchObject({ name: 'Before reverting to first', parentId: first });
    expect(kept?.disks[0]?.imageId).toBe(left);
    expect(await readsAs(bench, left, atLeft.get(left))).toBe(true);

    expect(await revert(kept?.id ?? '', { name: 'back again' })).toMatchObject({ state: 'done' });
    await bench.images.scan();
    expect(await readsAs(bench, bench.vms.diskImage('vmone', 0), atLeft.get(left))).toBe(true);
  });

  it('moves the current state to the trash only when told to', async () => {
    const first = idOf(await take('first'));
    const left = bench.vms.diskImage('vmone', 0);
    expect(await revert(first, { keepCurrent: false })).toMatchObject({ state: 'done' });
    await bench.images.scan();
    expect(bench.images.list().some((image) => image.id === left)).toBe(false);
    expect((await bench.snapshots.tree('vmone')).tree[0]?.children).toEqual([]);
  });

  it('has a plan that touches nothing and says when there is nothing to keep', async () => {
    const first = idOf(await take('first'));
    const before = bench.images.list().length;
    const plan = await bench.snapshots.planRevert('vmone', first, { keepCurrent: true });
    expect(plan).toMatchObject({ operation: 'revert', blockers: [], deletes: [] });
    expect(plan.steps.join()).toContain('no changes since “first”');
    expect(plan.after[0]?.layers[0]).toMatchObject({ name: 'New overlay', activeOf: [{ id: 'vmone' }] });
    // Of two disks, two overlays are new, and no layer that is there already.
    const after = plan.after.flatMap(({ layers }) => layers);
    expect(after.filter(({ isNew }) => isNew).map(({ imageId }) => imageId)).toEqual(['new0', 'new1']);
    // The VM is off: that is no step.
    expect(plan.steps).toHaveLength(2);
    await bench.images.scan();
    expect(bench.images.list()).toHaveLength(before);
    await take('second');
    await expect(
      bench.snapshots.revert('vmone', first, { keepCurrent: true, fingerprint: plan.fingerprint }),
    ).rejects.toMatchObject({ code: 'plan-stale' });
  });
});

it('forgetting a snapshot keeps its layer, and those after it follow the one before it', async () => {
  const first = idOf(await take('first'));
  const second = idOf(await take('second'));
  const third = idOf(await take('third'));
  const images = bench.images.list().length;
  const forget = async (id: string) => {
    const { id: operation } = await bench.deletions.run('vmone', { snapshots: [id], mode: 'forget' });
    await bench.operations.wait(operation, 10);
  };
  const plan = await bench.deletions.plan('vmone', { snapshots: [second], mode: 'forget' });
  expect(plan).toMatchObject({ operation: 'forget', mode: 'forget', blockers: [], deletes: [] });
  await forget(second);
  const { tree, current } = await bench.snapshots.tree('vmone');
  expect(tree).toMatchObject([{ id: first, children: [{ id: third, children: [] }] }]);
  expect(current.snapshotId).toBe(third);
  await forget(third);
  expect((await bench.snapshots.tree('vmone')).current.snapshotId).toBe(first);
  expect(bench.images.list()).toHaveLength(images);
});

it('a snapshot whose layer was committed points to the layer that has its bytes; those between are gone', async () => {
  await write(id('a'), 5, 5);
  const first = idOf(await take('first'));
  await write(bench.vms.diskImage('vmone', 0), 6, 6);
  const second = idOf(await take('second'));
  const [top, base] = [bench.snapshots.get('vmone', second), bench.snapshots.get('vmone', first)].map(
    (snapshot) => snapshot.disks[0]?.imageId ?? '',
  );
  const copies = await flatten(bench, join(folder.folder, 'before'));
  const operation = await bench.run({ operation: 'commit', top: top ?? '', base: base ?? '' });
  expect(operation).toMatchObject({ state: 'done' });
  await bench.images.scan();
  const { tree } = await bench.snapshots.tree('vmone');
  expect(tree).toMatchObject([{ id: second, parentId: null, children: [] }]);
  expect(tree[0]?.disks[0]?.imageId).toBe(base);
  expect(await readsAs(bench, base ?? '', copies.get(top ?? ''))).toBe(true);
});

describe('a snapshot of a running VM', () => {
  let guest: BenchGuest;
  const boot = async (): Promise<void> => {
    await bench.images.scan();
    // Both disks of the test VM are opened as qcow2.
    await take('qcow2 on top');
    guest = await startGuest(folder, bench, 'vmone', await flatten(bench, join(folder.folder, 'guest')));
    bench.vms.setLive('vmone', guest.live);
  };
  beforeEach(boot);
  afterEach(() => guest.kill());

  const end = async (): Promise<void> => {
    await guest.kill();
    bench.vms.setLive('vmone', null);
    await bench.images.scan();
  };

  /** What QEMU holds open and locked. */
  const openFiles = async (): Promise<string[]> => {
    const nodes = await guest.live.qmp.execute('query-named-block-nodes', { flat: true });
    return nodes
      .filter(({ drv }) => drv === 'file')
      .map(({ file }) => file)
      .sort();
  };
  const filesBelow = (image: string): string[] => {
    const { path, backingId } = bench.images.facts(image);
    return [path, ...(backingId === null ? [] : filesBelow(backingId))];
  };
  const chainFiles = (): string[] =>
    [0, 1].flatMap((disk) => filesBelow(bench.vms.diskImage('vmone', disk))).sort();

  it('freezes what was written until then, on all disks; the guest writes on', async () => {
    await guest.write(0, 20, 20);
    await guest.write(1, 21, 21);
    const frozen = [0, 1].map((disk) => bench.vms.diskImage('vmone', disk));
    const taken = await take('live');
    expect(taken).toMatchObject({ state: 'done' });
    expect(bench.snapshots.get('vmone', idOf(taken)).vmWasOff).toBe(false);
    const copies = [0, 1].map((disk) => {
      const copy = join(folder.folder, `taken-${disk}.raw`);
      copyFileSync(guest.expected(disk), copy);
      return copy;
    });
    await guest.write(0, 20, 30);
    await guest.write(1, 22, 31);
    expect(await guest.isRunning()).toBe(true);
    await end();
    for (const disk of [0, 1]) {
      const active = bench.vms.diskImage('vmone', disk);
      expect(bench.images.facts(active).backingId).toBe(frozen[disk]);
      expect(await readsAs(bench, active, guest.expected(disk))).toBe(true);
      expect(await readsAs(bench, frozen[disk] ?? '', copies[disk])).toBe(true);
    }
  });

  it('is whole or not there at all, whichever call the server is killed before', {
    timeout: 300_000,
  }, async () => {
    for (let at = 1; at < 60; at += 1) {
      const points = killPoints({ at, only: /^(?!check-chain)/ });
      bench = folder.open(points.disturbance);
      bench.vms.setLive('vmone', points.watch(guest.live));
      await bench.images.scan();
      const started = await bench.snapshots
        .take('vmone', { name: 'live', kind: 'external', memory: false })
        .catch(() => null);
      if (started === null) continue;
      const ended = bench.operations.wait(started.id, 30).then(() => 'ended-before');
      const how = await Promise.race([ended, points.reached]);
      // A new server knows nothing of what the killed one was preparing.
      nodesInPreparation.clear();
      bench = folder.open();
      bench.vms.setLive('vmone', guest.live);
      await bench.images.scan();
      await bench.operations.recover();
      const outcome = await bench.operations.wait(started.id, 60);
      const place = `killed before call ${at} (${how}): ${JSON.stringify(outcome.error)}`;
      // From the first opened overlay on nothing stands in the way of finishing it.
      if (points.calls.includes('blockdev-add')) expect(outcome.state, place).toBe('done');
      await bench.images.scan();
      expect(await openFiles(), place).toEqual(chainFiles());
      await guest.write(0, 23, at);
      await guest.write(1, 24, at);
      await end();
      const taken = (await bench.snapshots.tree('vmone')).tree[0]?.children ?? [];
      expect(taken.length, place).toBe(outcome.state === 'done' ? 1 : 0);
      const layers = bench.images.list().length;
      expect(layers, place).toBe(outcome.state === 'done' ? 7 : 5);
      for (const disk of [0, 1])
        expect(await readsAs(bench, bench.vms.diskImage('vmone', disk), guest.expected(disk)), place).toBe(
          true,
        );
      if (how === 'ended-before') {
        expect(at).toBeGreaterThan(5);
        return;
      }
      folder.dispose();
      await build();
      await boot();
    }
  });
});
