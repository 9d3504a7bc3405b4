import type { ImageUse } from '@strata/contract';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startTestLibrary, type TestLibrary } from '../../testing/image-library.ts';
import { writeQcow2File } from '../../testing/qcow2-file.ts';
import { checkActiveLayer, makeDisks } from './vm-disks.ts';
import type { VmsContext } from './vms.context.ts';

let library: TestLibrary;
let writers: string[] = [];
beforeEach(async () => {
  writers = [];
  library = await startTestLibrary({
    disks: () =>
      writers.map((imageId) => ({
        vmId: 'other',
        vmName: 'Other',
        diskId: 'd1',
        imageId,
        running: false,
        suspended: false,
      })),
  });
});
afterEach(() => library.stop());

const context = () => ({ images: library.images }) as unknown as VmsContext;
const disk = { bus: 'virtio', cache: 'writeback', discard: true } as const;
const refusalOf = (imageId: string): string => {
  try {
    checkActiveLayer(context(), imageId, null);
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : '';
  }
};

test('an image that another VM writes is refused with a way that works, in plain words', async () => {
  writeQcow2File(library.at('shared.qcow2'));
  await library.images.scan();
  const { id } = library.byName('shared.qcow2');
  writers = [id];
  const words = refusalOf(id);
  expect(words).toContain('the VM "Other" needs it as it is');
  expect(words).toContain('Take a snapshot of the VM "Other"');
  expect(words).not.toMatch(/overlayOf|imageId/);
});

test('an image that something stands on may become a base instead', async () => {
  writeQcow2File(library.at('base.qcow2'));
  writeQcow2File(library.at('top.qcow2'), { backing: 'base.qcow2', backingFormat: 'qcow2' });
  await library.images.scan();
  const words = refusalOf(library.byName('base.qcow2').id);
  expect(words).toContain('the overlay "top.qcow2" needs it as it is');
  expect(words).toContain('Create an overlay on it for this VM');
});

test('overlays for a new VM go into the default folder, never into the folder of the original', async () => {
  await library.folders.add(library.outside);
  writeQcow2File(`${library.outside}/mine.qcow2`);
  await library.images.scan();
  const base = library.byName('mine.qcow2').id;
  const { disks } = await makeDisks(context(), 'Web server', [
    { overlayOf: base, ...disk },
    { overlayOf: base, ...disk },
  ]);
  const made = disks.map(({ imageId }) => library.images.get(imageId));
  expect(made.map(({ path }) => path)).toEqual([
    library.at('Web-server.qcow2'),
    library.at('Web-server-disk2.qcow2'),
  ]);
  expect(made.map(({ name }) => name)).toEqual(['Web-server', 'Web-server-disk2']);
  expect(made.map(({ usedBy }) => usedBy)).toEqual([[], []] satisfies ImageUse[][]);
});
