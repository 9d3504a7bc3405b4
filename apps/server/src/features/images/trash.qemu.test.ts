import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  expectSame,
  qemuImg,
  type WorkBench,
  type WorkFolder,
  workFolder,
  writeAt,
} from '../../testing/work-bench.ts';

let place: WorkFolder;
let bench: WorkBench;
const dayMs = 24 * 3_600_000;

beforeEach(async () => {
  place = await workFolder();
  bench = await place.open();
});
afterEach(() => place.dispose());

const at = (name: string): string => place.at(name);
const idOf = (name: string): string => bench.library.images.findByPath(at(name))?.id ?? `no ${name}`;
const create = (name: string, ...rest: string[]): void =>
  void qemuImg('create', '-q', '-f', 'qcow2', at(name), ...rest);
const trashed = (name: string) => {
  const item = bench.library.trash.list().find((each) => each.name === name);
  if (item === undefined) throw new Error(`no ${name} in the trash`);
  return item;
};
const copy = (name: string): string => `${place.folder}/../${name}-copy`;

/** base ← top, both with data, in a folder below the library; what top reads is kept beside. */
const furnish = async (): Promise<void> => {
  mkdirSync(at('deep'));
  mkdirSync(at('other/below'), { recursive: true });
  create('deep/base.qcow2', '8M');
  writeAt(at('deep/base.qcow2'), 0, 1);
  create('deep/top.qcow2', '-b', 'base.qcow2', '-F', 'qcow2');
  writeAt(at('deep/top.qcow2'), 1, 2);
  qemuImg('convert', '-O', 'qcow2', at('deep/top.qcow2'), copy('top'));
  await bench.library.images.scan();
};
const toTrash = async (...names: readonly string[]): Promise<void> => {
  for (const name of names) await bench.library.images.delete(idOf(name));
};

describe('the trash', () => {
  it('says to what a deleted image belonged', async () => {
    await furnish();
    create('deep/stays.qcow2', '-b', 'base.qcow2', '-F', 'qcow2');
    create('deep/used.qcow2', '-b', 'base.qcow2', '-F', 'qcow2');
    await bench.library.images.scan();
    const vm = await bench.defineVm({ name: 'machine', disks: [{ imageId: idOf('deep/used.qcow2') }] });
    await toTrash('deep/top.qcow2');
    expect(trashed('top.qcow2')).toMatchObject({
      path: at('deep/top.qcow2'),
      belonged: { backing: 'base.qcow2', vms: ['machine'] },
      needs: [],
    });
    await bench.vms.delete(vm, 'delete');
    expect(trashed('used.qcow2').belonged).toEqual({ backing: 'base.qcow2', vms: ['machine'] });
  });

  it('restores under another name where the old one is taken', async () => {
    await furnish();
    await toTrash('deep/top.qcow2');
    writeFileSync(at('deep/top.qcow2'), 'taken');
    const { id } = trashed('top.qcow2');
    await expect(bench.library.trash.restore(id)).rejects.toMatchObject({ code: 'image-exists' });
    await bench.library.trash.restore(id, { name: 'top again' });
    expectSame(at('deep/top-again.qcow2'), copy('top'));
    expect(bench.library.images.get(idOf('deep/top-again.qcow2'))).toMatchObject({ name: 'top again' });
    expect(bench.library.trash.list()).toEqual([]);
  });

  it('restores into another folder, and what is restored still reads the same', async () => {
    await furnish();
    await toTrash('deep/top.qcow2');
    const { id } = trashed('top.qcow2');
    await expect(bench.library.trash.restore(id, { folder: '/etc' })).rejects.toMatchObject({
      code: 'forbidden-path',
    });
    await bench.library.trash.restore(id, { folder: at('other/below') });
    expectSame(at('other/below/top.qcow2'), copy('top'));
    const image = bench.library.images.get(idOf('other/below/top.qcow2'));
    expect(image).toMatchObject({ backingId: idOf('deep/base.qcow2'), problems: [] });
  });

  it('says that the folder is gone, and restores into another', async () => {
    create('other.qcow2', '8M');
    mkdirSync(at('gone'));
    create('gone/lone.qcow2', '8M');
    writeAt(at('gone/lone.qcow2'), 2, 3);
    qemuImg('convert', '-O', 'qcow2', at('gone/lone.qcow2'), copy('lone'));
    await bench.library.images.scan();
    await toTrash('gone/lone.qcow2');
    rmSync(at('gone'), { recursive: true });
    const { id } = trashed('lone.qcow2');
    await expect(bench.library.trash.restore(id)).rejects.toThrow('restore it into another folder');
    await bench.library.trash.restore(id, { folder: place.folder });
    expectSame(at('lone.qcow2'), copy('lone'));
  });

  it('deletes several for good, what stands on others first, and tells what had to stay', async () => {
    await furnish();
    await toTrash('deep/top.qcow2', 'deep/base.qcow2');
    const [top, base] = [trashed('top.qcow2'), trashed('base.qcow2')];
    expect(top.needs).toEqual([{ id: base.id, name: 'base.qcow2' }]);
    expect(base.neededBy).toEqual([{ id: top.id, name: 'top.qcow2' }]);
    const kept = await bench.library.trash.empty({ items: [base.id] });
    expect(kept).toMatchObject({ deleted: 0, left: [{ id: base.id }] });
    const emptied = await bench.library.trash.empty({ items: [base.id, top.id] });
    expect(emptied).toEqual({ deleted: 2, bytes: base.bytes + top.bytes, left: [] });
    expect(bench.library.trash.list()).toEqual([]);
  });

  it('empties itself only when it was told to, and only of what is old', async () => {
    await furnish();
    await toTrash('deep/top.qcow2');
    const { trashKeeper, trash } = bench.library;
    const later = Date.now() + 40 * dayMs;
    expect(trashKeeper.settings()).toEqual({ emptyAfterDays: null });
    await trashKeeper.look(later);
    expect(trash.list()).toHaveLength(1);
    trashKeeper.set({ emptyAfterDays: 30 });
    await trashKeeper.look();
    expect(trash.list()).toHaveLength(1);
    // Another start remembers what was set.
    bench = await place.open();
    expect(bench.library.trashKeeper.settings()).toEqual({ emptyAfterDays: 30 });
    await bench.library.trashKeeper.look(later);
    expect(bench.library.trash.list()).toEqual([]);
    expect(existsSync(at('deep/base.qcow2'))).toBe(true);
  });
});
