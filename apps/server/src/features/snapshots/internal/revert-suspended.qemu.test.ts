import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { applyTag, createTag } from '../../../qemu/image-tags.ts';
import {
  expectSame,
  qemuImg,
  type WorkBench,
  type WorkFolder,
  workFolder,
  writeAt,
} from '../../../testing/work-bench.ts';
import { readsAs } from '../../operations/testing/bench-layers.ts';
import { type Bench, type BenchFolder, benchFolder } from '../../operations/testing/chain-bench.ts';
import { leftAt, takenUp } from './testing/left-at.ts';
import {
  buildTwoDisks,
  copiesOf,
  isSound,
  layerId,
  tagReadsAs,
  tagsOf,
  writeOffline,
} from './testing/tagged-vm.ts';

/*
 * A saved memory waits for exactly the disks it was saved with. A revert in place changes these files: the memory stays
 * with the state that is kept, or goes with it.
 */
const names = ['a', 'b'] as const;

describe('a suspended VM', () => {
  let folder: WorkFolder;
  let bench: WorkBench;
  let vm: string;
  let first: string;
  const flat = (name: string): string => join(folder.folder, '..', `${name}.flat`);
  const state = () => bench.vms.get(vm).state;
  const memories = (): string[] => readdirSync(join(folder.folder, '..', 'vms', vm, 'memory'));
  const reads = (moment: string): void => {
    for (const name of names) expectSame(folder.at(`${name}.qcow2`), flat(`${name} ${moment}`));
  };
  const copy = (moment: string): void => {
    for (const name of names)
      qemuImg('convert', '-O', 'qcow2', folder.at(`${name}.qcow2`), flat(`${name} ${moment}`));
  };
  const revert = async (id: string, wish: { keepCurrent?: boolean; start?: boolean } = {}) => {
    const operation = await bench.ended(await bench.snapshots.revert(vm, id, { keepCurrent: true, ...wish }));
    expect(operation, JSON.stringify(operation.error)).toMatchObject({ state: 'done' });
    return String(operation.result?.keptSnapshotId);
  };
  const suspend = async (): Promise<void> => {
    await bench.vms.start(vm, { paused: false });
    expect(await bench.ended(await bench.suspension.suspend(vm))).toMatchObject({ state: 'done' });
  };

  beforeEach(async () => {
    folder = await workFolder();
    bench = await folder.open();
    for (const [position, name] of names.entries()) {
      qemuImg('create', '-q', '-f', 'qcow2', folder.at(`${name}.qcow2`), '8M');
      writeAt(folder.at(`${name}.qcow2`), 0, position + 1);
    }
    await bench.library.images.scan();
    const idOf = (name: string) => bench.library.images.findByPath(folder.at(`${name}.qcow2`))?.id ?? '';
    vm = await bench.defineVm({ name: 'web', disks: names.map((name) => ({ imageId: idOf(name) })) });
    copy('then');
    const wish = { name: 'first', kind: 'internal' as const, memory: false };
    first = String((await bench.ended(await bench.snapshots.take(vm, wish))).result?.snapshotId);
    for (const name of names) writeAt(folder.at(`${name}.qcow2`), 1, 9);
    copy('now');
    await suspend();
  });
  afterEach(async () => {
    for (const { id } of bench.vms.list()) if (bench.vms.isLive(id)) await bench.vms.poweroff(id);
    await folder.dispose();
  });

  it('goes back in one step, and its memory stays with the state that is kept', async () => {
    const [memory] = memories();
    const plan = await bench.snapshots.planRevert(vm, first, { keepCurrent: true });
    expect(plan).toMatchObject({ operation: 'revert', live: false, blockers: [] });
    expect(plan.steps[0]).toMatch(
      /Keep the current state and its saved memory as “Before reverting to first”/,
    );
    const kept = await revert(first);
    expect(state()).toBe('off');
    reads('then');
    expect(memories()).toEqual([memory]);
    expect(bench.snapshots.get(vm, kept)).toMatchObject({
      ...{ kind: 'internal', memory: true, consistency: 'memory', origin: 'kept', vmWasOff: false },
    });

    for (const [start, becomes] of [
      [false, 'paused'],
      [undefined, 'running'],
    ] as const) {
      await revert(kept, { keepCurrent: false, ...(start === undefined ? {} : { start }) });
      expect(state()).toBe(becomes);
    }
    expect(bench.vms.memory.suspended(vm)).toBeNull();
    await bench.vms.poweroff(vm);
    reads('now');
    expect(memories()).toEqual([memory]);

    expect(
      await bench.ended(await bench.deletions.run(vm, { snapshots: [kept], mode: 'auto' })),
    ).toMatchObject({ state: 'done' });
    await expect.poll(memories, { timeout: 10_000 }).toEqual([]);
    reads('now');
  });

  it('leaves a memory in a file of its own, on which a branch begins with the disks of that moment', async () => {
    const kept = await revert(first);
    expect([first, kept].map((id) => bench.snapshots.get(vm, id).memoryInFile)).toEqual([false, true]);
    const wish = { name: 'other', mode: 'full' as const, memory: true };
    const operation = await bench.ended(await bench.branches.branch(vm, kept, wish));
    expect(operation, JSON.stringify(operation.error)).toMatchObject({ state: 'done' });
    const other = String(operation.result?.vmId);
    expect(bench.vms.get(other)).toMatchObject({ state: 'suspended' });
    for (const [position, { imageId }] of bench.vms.get(other).disks.entries())
      expectSame(bench.library.images.facts(imageId).path, flat(`${names[position]} now`));
    expect(await bench.vms.start(other)).toMatchObject({ state: 'running', changedSinceStart: false });
    await bench.vms.poweroff(other);
    // The one that was branched from stays where it went back to.
    reads('then');
    expect(memories()).toHaveLength(1);
    await expect(bench.branches.branch(vm, first, { ...wish, name: 'none' })).rejects.toMatchObject({
      code: 'not-possible',
    });
  });

  it('gives its memory up with the state that is given up, and says so', async () => {
    const plan = await bench.snapshots.planRevert(vm, first, { keepCurrent: false });
    expect(plan.steps[0]).toMatch(/given up at the end and its saved memory/);
    await revert(first, { keepCurrent: false });
    expect([state(), memories()]).toEqual(['off', []]);
    reads('then');
  });

  it('is suspended with its disks, or reverted, whichever call the server is killed before', async () => {
    const kept = await revert(first);
    for (let step = 1; step < 20; step += 1) {
      await revert(first, { keepCurrent: false });
      bench = await folder.open(step);
      const started = await bench.snapshots.revert(vm, kept, { keepCurrent: false });
      const call = await Promise.race([folder.died(), bench.ended(started).then(() => null)]);
      bench = await folder.open();
      const outcome = await bench.ended(started);
      expect(outcome.state, `killed before call ${step} (${call}): ${JSON.stringify(outcome.error)}`).toBe(
        'done',
      );
      expect(['running', 'suspended']).toContain(state());
      if (state() === 'suspended') await bench.vms.start(vm);
      await bench.vms.poweroff(vm);
      reads('now');
      if (call !== null) continue;
      expect(step).toBeGreaterThan(1);
      return;
    }
    throw new Error('it never came to an end');
  });
});

describe('killed half-way through, with a memory that waits', () => {
  let folder: BenchFolder;
  let bench: Bench;
  beforeEach(async () => {
    folder = await benchFolder();
    bench = folder.open();
    await buildTwoDisks(bench);
  });
  afterEach(() => folder.dispose());
  const pathOf = (name: string): string => join(folder.folder, 'images', `${name}.qcow2`);
  const failure = { code: 'qemu-refused', why: 'It failed.', poweredOff: false };

  it.each([
    ['keeping', true],
    ['applying', false],
    ['undoing', false],
    ['undone', false],
  ] as const)('%s, the state kept: %s', async (phase, keepCurrent) => {
    const then = await copiesOf(bench, folder, 'then');
    const wish = { name: 'first', kind: 'internal' as const, memory: false };
    const { result } = await bench.operations.wait((await bench.snapshots.take('vmone', wish)).id, 60);
    for (const name of names) await writeOffline(bench, folder, name, 1, 9);
    const now = await copiesOf(bench, folder, 'now');
    const hardware = bench.vms.moments.defined('vmone');
    const memory = { file: 'asleep.mem', bytes: 7, at: '2026-01-01T00:00:00.000Z', hardware };
    bench.vms.memory.setSuspended('vmone', memory);
    const started = await bench.snapshots.revert('vmone', String(result?.snapshotId), { keepCurrent });

    const undone = phase === 'undoing' || phase === 'undone';
    const { beforeTag, tag } = leftAt(folder, started.id, { phase, ...(undone ? { failure } : {}) });
    // Half of each phase is done: on one disk of two.
    if (phase !== 'undone') await createTag(pathOf('a'), beforeTag);
    if (phase !== 'keeping') await createTag(pathOf('b'), beforeTag);
    if (phase === 'applying' || phase === 'undoing') await applyTag(pathOf('a'), tag);
    const [next, outcome] = await takenUp(folder, started.id);
    bench = next;
    await bench.images.scan();

    expect(outcome.state, JSON.stringify(outcome.error)).toBe(undone ? 'failed' : 'done');
    for (const name of names) {
      const id = layerId(bench, name);
      expect(await readsAs(bench, id, (undone ? now : then).get(id))).toBe(true);
      expect(await tagReadsAs(bench, folder, id, tag, then.get(id) ?? '')).toBe(true);
      expect(await tagsOf(bench, name)).toEqual(keepCurrent ? [tag, beforeTag] : [tag]);
      if (keepCurrent) expect(await tagReadsAs(bench, folder, id, beforeTag, now.get(id) ?? '')).toBe(true);
      expect(await isSound(bench, name)).toBe(true);
    }
    expect(bench.vms.memory.suspended('vmone')).toEqual(undone ? memory : null);
    if (undone) expect(outcome.error?.message).toBe('It failed. Its disks are what they were before.');
    if (keepCurrent)
      expect(bench.snapshots.get('vmone', String(outcome.result?.keptSnapshotId))).toMatchObject({
        ...{ memory: true, memoryBytes: 7, kind: 'internal' },
      });
  });
});
