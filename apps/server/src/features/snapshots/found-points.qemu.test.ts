import { join } from 'node:path';
import { patchVmBody, type Snapshot } from '@strata/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  expectSame,
  qemuImg,
  type WorkBench,
  type WorkFolder,
  workFolder,
  writeAt,
} from '../../testing/work-bench.ts';

let folder: WorkFolder;
let bench: WorkBench;
let vm: string;
const at = (name: string): string => folder.at(name);
const idOf = (name: string): string => bench.library.images.findByPath(at(name))?.id ?? `no ${name}`;
const flat = (name: string): string => join(folder.folder, '..', `${name}.flat`);
const keep = (name: string, as: string): string => {
  qemuImg('convert', '-f', 'qcow2', '-O', 'qcow2', at(name), flat(as));
  return flat(as);
};

/** A VM with two disks `one` and `two`. */
beforeEach(async () => {
  folder = await workFolder();
  bench = await folder.open();
  for (const name of ['one', 'two']) {
    qemuImg('create', '-q', '-f', 'qcow2', at(`${name}.qcow2`), '8M');
    writeAt(at(`${name}.qcow2`), 0, 1);
  }
  await bench.library.images.scan();
  vm = await bench.defineVm({
    name: 'web',
    disks: [{ imageId: idOf('one.qcow2') }, { imageId: idOf('two.qcow2') }],
  });
});
afterEach(() => folder.dispose());

const found = async () => {
  await bench.library.images.scan();
  return (await bench.snapshots.tree(vm)).found;
};
const names = (tree: readonly Snapshot[]): unknown[] =>
  tree.map(({ name, children }) => (children.length === 0 ? name : [name, names(children)]));
const tag = (name: string, ...files: string[]): void => {
  for (const file of files) qemuImg('snapshot', '-c', name, at(file));
};
const revert = async (snapshotId: string) =>
  bench.ended(await bench.snapshots.revert(vm, snapshotId, { keepCurrent: false, hardware: 'keep' }));

describe('restore points of other tools', () => {
  it('one without a name is shown, and not offered', async () => {
    tag('', 'one.qcow2');
    expect(await found()).toMatchObject([
      { tag: '', possible: false, reason: expect.stringMatching(/no name/) },
    ]);
  });

  it('a tag in all disks is one; adopted, it is in the tree, and the VM goes back to it', async () => {
    const then = [keep('one.qcow2', 'one'), keep('two.qcow2', 'two')];
    tag('by hand', 'one.qcow2', 'two.qcow2');
    for (const name of ['one.qcow2', 'two.qcow2']) writeAt(at(name), 0, 9);
    const [point, ...others] = await found();
    expect(others).toEqual([]);
    expect(point).toMatchObject({
      ...{ kind: 'internal', tag: 'by hand', name: 'by hand', imageId: idOf('one.qcow2') },
      ...{ memory: false, possible: true },
      disks: [{ imageId: idOf('one.qcow2') }, { imageId: idOf('two.qcow2') }],
    });
    const wish = { imageId: idOf('two.qcow2'), tag: 'by hand', name: 'Adopted' };
    const adopted = await bench.snapshots.adopt(vm, wish);
    expect(adopted).toMatchObject({ name: 'Adopted', kind: 'internal', origin: 'found', parentId: null });
    expect(await found()).toEqual([]);
    expect((await bench.snapshots.tree(vm)).current.snapshotId).toBe(adopted.id);
    await expect(bench.snapshots.adopt(vm, wish)).rejects.toMatchObject({ code: 'not-found' });
    expect(await revert(adopted.id)).toMatchObject({ state: 'done' });
    expectSame(at('one.qcow2'), then[0] ?? '');
    expectSame(at('two.qcow2'), then[1] ?? '');
  });

  it('a tag of one disk is a restore point of that disk; a name that means two is not adopted', async () => {
    tag('half', 'one.qcow2');
    tag('twice', 'two.qcow2');
    tag('twice', 'two.qcow2');
    // Its name is the number of another.
    tag('1', 'one.qcow2');
    const points = await found();
    expect(points.map(({ name, possible, disks }) => [name, possible, disks.length])).toEqual([
      ['half', true, 1],
      ['1', false, 1],
      ['twice', false, 1],
    ]);
    for (const { reason } of points.slice(1)) expect(reason).toMatch(/QEMU/);
    const wish = { imageId: idOf('two.qcow2'), tag: 'twice' };
    await expect(bench.snapshots.adopt(vm, wish)).rejects.toMatchObject({ code: 'not-possible' });
    expect((await bench.snapshots.adopt(vm, { imageId: idOf('one.qcow2'), tag: 'half' })).disks).toHaveLength(
      1,
    );
  });

  it('a layer under an overlay made by hand is one, and gets its place between those that are known', async () => {
    const first = await bench.ended(
      await bench.snapshots.take(vm, { name: 'first', kind: 'external', memory: false }),
    );
    const [disk, other] = bench.vms.get(vm).disks;
    const active = bench.library.images.facts(disk?.imageId ?? '').path;
    writeAt(active, 1, 2);
    const then = flat('then');
    qemuImg('convert', '-f', 'qcow2', '-O', 'qcow2', active, then);
    qemuImg('create', '-q', '-f', 'qcow2', '-b', active, '-F', 'qcow2', at('hand.qcow2'));
    writeAt(at('hand.qcow2'), 1, 3);
    await bench.library.images.scan();
    await bench.vms.patch(
      vm,
      patchVmBody.parse({ disks: [{ id: disk?.id, imageId: idOf('hand.qcow2') }, { id: other?.id }] }),
    );
    const taken = await bench.ended(
      await bench.snapshots.take(vm, { name: 'last', kind: 'external', memory: false }),
    );
    expect([first.state, taken.state]).toEqual(['done', 'done']);
    const points = await found();
    expect(points).toMatchObject([
      { kind: 'overlay', imageId: disk?.imageId, possible: true, memory: false },
    ]);
    const adopted = await bench.snapshots.adopt(vm, { imageId: disk?.imageId ?? '', name: 'middle' });
    expect(adopted).toMatchObject({ kind: 'external', origin: 'found' });
    const { tree, current } = await bench.snapshots.tree(vm);
    expect(names(tree)).toEqual([['first', [['middle', ['last']]]]]);
    expect(current.snapshotId).toBe(taken.result?.snapshotId);
    expect(await found()).toEqual([]);
    expect(await revert(adopted.id)).toMatchObject({ state: 'done' });
    expectSame(bench.library.images.facts(bench.vms.get(vm).disks[0]?.imageId ?? '').path, then);
  });

  it('one that was forgotten is found again, by the name inside its file', async () => {
    const { result } = await bench.ended(
      await bench.snapshots.take(vm, { name: 'mine', kind: 'internal', memory: false }),
    );
    const id = String(result?.snapshotId);
    expect(await found()).toEqual([]);
    await bench.ended(await bench.deletions.run(vm, { snapshots: [id], mode: 'forget' }));
    expect(await found()).toMatchObject([{ kind: 'internal', name: expect.stringMatching(/^strata-mine-/) }]);
  });
});
