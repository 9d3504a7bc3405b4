import { existsSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createOverlay } from '../../qemu/qemu-img.ts';
import { buildLayers, fileOf } from '../operations/testing/bench-layers.ts';
import { type Bench, type BenchFolder, benchFolder } from '../operations/testing/chain-bench.ts';
import { createOverlays, type KnownOverlays, overlaysBefore, removeStrays } from './new-overlays.ts';

let folder: BenchFolder;
let bench: Bench;
const id = (name: string) => bench.images.idOf(fileOf({ name }));
beforeEach(async () => {
  folder = await benchFolder();
  bench = folder.open();
  await buildLayers(bench, [
    { name: 'a', on: null, writes: [[0, 1]] },
    { name: 'other', on: null, writes: [[0, 2]] },
  ]);
  bench.vms.define('vmone', [id('a')]);
});
afterEach(() => folder.dispose());

it('a recovery removes the overlay it was making, and no empty overlay of anybody else', async () => {
  let written: KnownOverlays = {};
  const known = overlaysBefore(bench.images, [id('a')]);
  const wishes = [{ diskId: 'd', backingId: id('a'), stem: 'vm' }];
  const save = (next: KnownOverlays): void => {
    written = next;
  };
  const [own] = await createOverlays(bench.images, wishes, { operationId: 'op', known, save });
  const theirs = bench.images.pathOf('theirs.qcow2');
  await createOverlay({ path: theirs, backing: 'a.qcow2', backingFormat: 'qcow2' });
  expect(await removeStrays(bench.images, written)).toBe(1);
  expect(existsSync(own?.path ?? '')).toBe(false);
  expect(existsSync(theirs)).toBe(true);
});

it('a snapshot is not taken of disks that were exchanged while their files were read', async () => {
  bench = folder.open({
    images: (images) => ({
      ...images,
      checkedChain: (image) => {
        bench.vms.setDiskImage('vmone', bench.vms.diskId('vmone'), id('other'));
        return images.checkedChain(image);
      },
    }),
  });
  await bench.images.scan();
  const taken = bench.snapshots.take('vmone', { name: 'late', kind: 'external', memory: false });
  await expect(taken).rejects.toMatchObject({ code: 'plan-stale' });
  expect(bench.images.list()).toHaveLength(2);
});
