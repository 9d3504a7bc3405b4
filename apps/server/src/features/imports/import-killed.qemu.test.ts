import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ovfText } from '../../testing/ovf-text.ts';
import { expectSame, qemuImg, workFolder, writeAt } from '../../testing/work-bench.ts';

/** An OVA with one disk that holds something, beside the library. */
const packedVm = (source: string): { ova: string; disk: string } => {
  const [disk, ova] = [join(source, 'disk.qcow2'), join(source, 'web.ova')];
  qemuImg('create', '-q', '-f', 'qcow2', disk, '8M');
  writeAt(disk, 1, 5);
  const vmdk = ['-o', 'subformat=streamOptimized', disk, join(source, 'disk1.vmdk')];
  qemuImg('convert', '-f', 'qcow2', '-O', 'vmdk', ...vmdk);
  writeFileSync(join(source, 'web.ovf'), ovfText());
  execFileSync('tar', ['--format=ustar', '-C', source, '-cf', ova, 'web.ovf', 'disk1.vmdk']);
  return { ova, disk };
};

it('wherever the server is killed while it takes a VM in: there is one VM over one image, whole', async () => {
  const folder = await workFolder();
  const source = mkdtempSync(join(tmpdir(), 'strata-ova-'));
  try {
    let bench = await folder.open();
    const { ova, disk } = packedVm(source);
    const begin = () => bench.imports.unpack({ path: ova, name: 'Web' });
    const first = await bench.ended(await begin());
    expect([first.state, first.error]).toEqual(['done', undefined]);
    const calls = [...folder.calls];
    expect(calls.filter((name) => ['judge', 'bring', 'publish', 'create'].includes(name)).length).toBe(4);

    const recovered: string[] = [];
    for (let stop = 1; stop <= calls.length; stop += 1) {
      bench = await folder.open();
      for (const vm of bench.vms.list()) await bench.vms.delete(vm.id, 'delete');
      for (const image of bench.library.images.list().toReversed())
        await bench.library.images.delete(image.id);
      for (const item of bench.library.trash.list().toReversed())
        await bench.library.trash.deleteForGood(item.id);
      bench = await folder.open(stop);
      const asked = begin().catch(() => null);
      const dead = await folder.died();
      bench = await folder.open();
      const [operation] = bench.operations.list({}).items;
      // Killed before it was written down: nothing was begun.
      const wasBegun = operation !== undefined && operation.id !== first.id && dead !== 'hostFile';
      void asked;
      if (!wasBegun || bench.operations.list({}).items.every(({ endedAt }) => endedAt !== null)) continue;
      recovered.push(dead);
      const ended = await bench.ended(operation);
      expect([dead, stop, ended.state, ended.error]).toEqual([dead, stop, 'done', undefined]);
      const originals = bench.library.images.list().filter(({ format }) => format === 'vmdk');
      expect([dead, originals.length, bench.vms.list().length]).toEqual([dead, 1, 1]);
      expectSame(disk, originals[0]?.path ?? '', ['qcow2', 'vmdk']);
      expectSame(disk, bench.library.images.get(bench.vms.list()[0]?.disks[0]?.imageId ?? '').path);
      expect(readdirSync(join(folder.folder, '../incoming'))).toEqual([]);
      expect(readdirSync(folder.folder).filter((name) => name.startsWith('.'))).toEqual([]);
    }
    expect(recovered).toEqual(expect.arrayContaining(['judge', 'bring', 'publish', 'create']));
  } finally {
    await folder.dispose();
    rmSync(source, { recursive: true, force: true });
  }
}, 120_000);
