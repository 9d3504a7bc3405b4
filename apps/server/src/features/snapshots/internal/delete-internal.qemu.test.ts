import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deleteTag } from '../../../qemu/image-tags.ts';
import { type BenchGuest, startGuest } from '../../operations/testing/bench-guest.ts';
import { cluster, flatten, readsAs } from '../../operations/testing/bench-layers.ts';
import { type Bench, type BenchFolder, benchFolder } from '../../operations/testing/chain-bench.ts';
import { killPoints } from '../../operations/testing/kill-points.ts';
import {
  buildTwoDisks,
  copiesOf,
  isSound,
  layerId,
  tagReadsAs,
  tagsOf,
  writeOffline,
} from './testing/tagged-vm.ts';

let folder: BenchFolder;
let bench: Bench;
const names = ['a', 'b'] as const;

const build = async (): Promise<void> => {
  folder = await benchFolder();
  bench = folder.open();
  await buildTwoDisks(bench);
};
beforeEach(build);
afterEach(() => folder.dispose());

const take = async (name: string, memory = false): Promise<string> => {
  const started = await bench.snapshots.take('vmone', { name, kind: 'internal', memory });
  return String((await bench.operations.wait(started.id, 60)).result?.snapshotId);
};
const remove = async (snapshots: string[], mode: 'auto' | 'forget' = 'auto') => {
  const started = await bench.deletions.run('vmone', { snapshots, mode });
  return bench.operations.wait(started.id, 60);
};
const tagOf = (id: string): string => bench.snapshots.get('vmone', id).disks[0]?.internalTag ?? '';

describe('deleting internal snapshots', () => {
  /** Three, with a write after each; and what each of them shows. */
  const three = async (): Promise<{ id: string; shows: Map<string, string> }[]> => {
    const taken: { id: string; shows: Map<string, string> }[] = [];
    for (const number of [1, 2, 3]) {
      for (const name of names) await writeOffline(bench, folder, name, number + 4, number);
      const shows = await copiesOf(bench, folder, `at-${number}`);
      taken.push({ id: await take(`number ${number}`), shows });
    }
    for (const name of names) await writeOffline(bench, folder, name, 5, 99);
    return taken;
  };

  it('in any order takes the tags alone: the others and the disks read the same', async () => {
    const [first, second, third] = await three();
    const now = await copiesOf(bench, folder, 'now');
    const plan = await bench.deletions.plan('vmone', { snapshots: [second?.id ?? ''], mode: 'auto' });
    expect(plan).toMatchObject({ mode: 'auto', blockers: [], deletes: [], bytesToMove: 0 });
    expect(plan.modes?.map(({ mode, possible }) => [mode, possible])).toEqual([
      ['auto', true],
      ['forget', true],
    ]);
    expect(await remove([second?.id ?? ''])).toMatchObject({ state: 'done' });
    expect(await remove([third?.id ?? ''])).toMatchObject({ state: 'done' });
    const { tree, current } = await bench.snapshots.tree('vmone');
    expect(tree).toMatchObject([{ id: first?.id, children: [] }]);
    expect(current.snapshotId).toBe(first?.id);
    for (const name of names) {
      const id = layerId(bench, name);
      expect(await tagsOf(bench, name)).toEqual([tagOf(first?.id ?? '')]);
      expect(await tagReadsAs(bench, folder, id, tagOf(first?.id ?? ''), first?.shows.get(id) ?? '')).toBe(
        true,
      );
      expect(await readsAs(bench, id, now.get(id))).toBe(true);
      expect(await isSound(bench, name)).toBe(true);
    }
  });

  it('each tells what it alone holds inside its layers, and the plan what goes with all that are meant', async () => {
    const [first, second, third] = (await three()).map(({ id }) => id);
    const files = names.map((name) => bench.images.pathOf(`${name}.qcow2`));
    const taken = (): number => files.reduce((sum, file) => sum + statSync(file).blocks * 512, 0);
    const sizes = (id = '') => bench.snapshots.get('vmone', id).sizes;
    await expect.poll(() => sizes(second).own, { timeout: 30_000 }).not.toBeNull();
    const [all, own] = [taken(), sizes(second).own ?? 0];
    expect(own).toBeGreaterThan(0);
    expect(own).toBeLessThan(all / 2);
    expect(sizes(second)).toEqual({ own, freed: own });

    // Both need clusters that none of the others needs.
    const wish = { snapshots: [second ?? '', third ?? ''], mode: 'auto' as const };
    const { freed = 0 } = await bench.deletions.plan('vmone', wish);
    expect(freed).toBeGreaterThanOrEqual(own + (sizes(third).own ?? 0));
    expect(await remove(wish.snapshots)).toMatchObject({ state: 'done' });
    // The list of the tags is written anew, in another cluster.
    expect(Math.abs(all - taken() - freed)).toBeLessThanOrEqual(3 * files.length * cluster);
    // What they shared with the one that is left is its own from now on.
    await expect.poll(() => sizes(first).own, { timeout: 30_000 }).toBeGreaterThan(own);
  });

  it('waits while the VM is suspended: nobody writes to the files that its memory waits for', async () => {
    const id = await take('first');
    const { forest } = bench.images;
    const suspended = () => ({
      ...forest(),
      disks: forest().disks.map((disk) => ({ ...disk, suspended: true })),
    });
    Object.assign(bench.images, { forest: suspended });
    const { blockers, modes } = await bench.deletions.plan('vmone', { snapshots: [id], mode: 'auto' });
    expect(new Set(blockers.map(({ code }) => code))).toEqual(new Set(['vm-suspended']));
    expect(modes).toMatchObject([
      { mode: 'auto', possible: false },
      { mode: 'forget', possible: true },
    ]);
    await expect(remove([id])).rejects.toMatchObject({ code: 'plan-blocked' });
    for (const name of names) expect(await tagsOf(bench, name)).toHaveLength(1);
  });

  it('several go in one operation, which goes on after a server that was killed half-way', async () => {
    const taken = await three();
    const now = await copiesOf(bench, folder, 'now');
    const ids = taken.map(({ id }) => id);
    const tags = ids.map(tagOf);
    const started = await bench.deletions.run('vmone', { snapshots: ids, mode: 'auto' });
    folder.kill();
    bench = folder.open();
    await bench.images.scan();
    // The first is gone, of the second one tag of two.
    for (const name of names) await deleteTag(bench.images.pathOf(`${name}.qcow2`), tags[0] ?? '');
    await deleteTag(bench.images.pathOf('a.qcow2'), tags[1] ?? '');
    await bench.operations.recover();
    expect(await bench.operations.wait(started.id, 60)).toMatchObject({ state: 'done' });
    expect((await bench.snapshots.tree('vmone')).tree).toEqual([]);
    await bench.images.scan();
    for (const name of names) {
      expect(await tagsOf(bench, name)).toEqual([]);
      expect(await readsAs(bench, layerId(bench, name), now.get(layerId(bench, name)))).toBe(true);
    }
  });

  it('is refused in a frozen layer, where the name alone can be forgotten', async () => {
    const first = await take('first');
    const above = await bench.snapshots.take('vmone', { name: 'above', kind: 'external', memory: false });
    await bench.operations.wait(above.id, 30);
    const plan = await bench.deletions.plan('vmone', { snapshots: [first], mode: 'auto' });
    expect(plan.blockers.map(({ code }) => code)).toContain('internal-frozen');
    await expect(remove([first])).rejects.toMatchObject({ code: 'plan-blocked' });
    const tag = tagOf(first);
    expect(await remove([first], 'forget')).toMatchObject({ state: 'done' });
    for (const name of names) expect(await tagsOf(bench, name)).toEqual([tag]);
  });

  it('is neither a commit nor a pull', async () => {
    const first = await take('first');
    const commit = bench.deletions.run('vmone', { snapshots: [first], mode: 'commit' });
    await expect(commit).rejects.toMatchObject({ code: 'not-possible' });
  });
});

describe('of a running VM', () => {
  let guest: BenchGuest;
  const boot = async (): Promise<void> => {
    await bench.images.scan();
    guest = await startGuest(folder, bench, 'vmone', await flatten(bench, join(folder.folder, 'guest')));
    bench.vms.setLive('vmone', guest.live);
  };
  beforeEach(boot);
  afterEach(() => guest.kill());

  it('an internal snapshot goes while the guest runs on, whichever call the server is killed before', {
    timeout: 120_000,
  }, async () => {
    for (let at = 1; at < 20; at += 1) {
      const first = await take('first', true);
      const points = killPoints({ at, only: /^(query-status|snapshot-delete|job-dismiss)$/ });
      bench = folder.open();
      bench.vms.setLive('vmone', points.watch(guest.live));
      await bench.images.scan();
      const started = await bench.deletions.run('vmone', { snapshots: [first], mode: 'auto' });
      const ended = bench.operations.wait(started.id, 30).then(() => 'ended-before');
      const how = await Promise.race([ended, points.reached]);
      bench = folder.open();
      bench.vms.setLive('vmone', guest.live);
      await bench.images.scan();
      await bench.operations.recover();
      const outcome = await bench.operations.wait(started.id, 60);
      const place = `killed before call ${at} (${how}): ${JSON.stringify(outcome.error)}`;
      expect(outcome.state, place).toBe('done');
      expect(await guest.isRunning(), place).toBe(true);
      await guest.write(0, 23, at);
      for (const name of names) expect(await tagsOf(bench, name), place).toEqual([]);
      expect((await bench.snapshots.tree('vmone')).tree, place).toEqual([]);
      if (how !== 'ended-before') continue;
      expect(at).toBeGreaterThan(2);
      break;
    }
    await guest.kill();
    bench.vms.setLive('vmone', null);
    await bench.images.scan();
    for (const [disk, name] of names.entries()) {
      expect(await readsAs(bench, layerId(bench, name), guest.expected(disk))).toBe(true);
      expect(await isSound(bench, name)).toBe(true);
    }
  });
});
