import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { holdsNothing } from './holds-nothing.ts';
import { qemuImg, qemuIo, temporaryFolder } from './testing/image-files.ts';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
  qemuImg('create', '-q', '-f', 'qcow2', at('base.qcow2'), '4M');
  qemuImg('create', '-q', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', at('layer.qcow2'));
});
afterEach(() => folder.remove());
const at = (name: string): string => join(folder.path, name);
const layer = (): Promise<boolean> => holdsNothing(at('layer.qcow2'));

it('is true of a new layer, and of one to which only a tag was added', async () => {
  expect(await layer()).toBe(true);
  qemuImg('snapshot', '-c', 'inside', at('layer.qcow2'));
  expect(await layer()).toBe(true);
});

it.each([
  ['data', 'write -P 1 0 512'],
  ['zeros that hide what is below', 'write -z 0 64k'],
  ['what was discarded', 'write -z -u 1M 64k'],
])('is false of a layer that holds %s', async (_what, command) => {
  qemuIo('-f', 'qcow2', '-c', command, at('layer.qcow2'));
  expect(await layer()).toBe(false);
});

it('is false where it cannot be told: data in another file, no qcow2, a damaged header', async () => {
  qemuImg('create', '-q', '-f', 'qcow2', '-o', `data_file=${at('data.raw')}`, at('external.qcow2'), '4M');
  expect(await holdsNothing(at('external.qcow2'))).toBe(false);
  expect(await holdsNothing(at('data.raw'))).toBe(false);
  const bytes = readFileSync(at('layer.qcow2'));
  // Its L1 table would lie behind the end of the file.
  bytes.writeBigUInt64BE(2n ** 40n, 40);
  writeFileSync(at('layer.qcow2'), bytes);
  expect(await layer()).toBe(false);
});
