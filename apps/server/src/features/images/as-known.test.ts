import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startTestLibrary, type TestLibrary } from '../../testing/image-library.ts';
import { writeQcow2File } from '../../testing/qcow2-file.ts';
import { isAsKnown } from './as-known.ts';

let library: TestLibrary;
const isKnown = (name: string): Promise<boolean> => isAsKnown(library.access.library, library.at(name));
beforeEach(async () => {
  library = await startTestLibrary();
  writeQcow2File(library.at('base.qcow2'));
  writeQcow2File(library.at('top.qcow2'), { backing: 'base.qcow2', backingFormat: 'qcow2' });
  writeQcow2File(library.at('waits.qcow2'), { backing: 'later.qcow2', backingFormat: 'qcow2' });
  await library.images.scan();
});
afterEach(() => library.stop());

test('an image under its name is known, and so is a name that nothing has', async () => {
  expect(await isKnown('base.qcow2')).toBe(true);
  expect(await isKnown('nothing.qcow2')).toBe(true);
});

test('a file is not known that came, that went, or that is another', async () => {
  writeFileSync(library.at('new.txt'), '');
  expect(await isKnown('new.txt')).toBe(false);
  rmSync(library.at('top.qcow2'));
  expect(await isKnown('top.qcow2')).toBe(false);
  writeQcow2File(library.at('other'));
  renameSync(library.at('other'), library.at('base.qcow2'));
  expect(await isKnown('base.qcow2')).toBe(false);
});

test('a name that an overlay waits for is not known once something has it', async () => {
  expect(await isKnown('later.qcow2')).toBe(true);
  writeQcow2File(library.at('later.qcow2'));
  expect(await isKnown('later.qcow2')).toBe(false);
});

test('a folder is not known that went with images in it', async () => {
  renameSync(library.folder, `${library.folder}-away`);
  expect(await isAsKnown(library.access.library, library.folder)).toBe(false);
  renameSync(`${library.folder}-away`, library.folder);
});
