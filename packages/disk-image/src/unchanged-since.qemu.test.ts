import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isUnchangedSince } from './unchanged-since.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'strata-tags-'));
  path = join(folder, 'disk.qcow2');
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', path, '2G']);
  write('0');
  execFileSync('qemu-img', ['snapshot', '-c', 'then', path]);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const write = (at: string, what = 'write -P 7'): void =>
  void execFileSync('qemu-io', ['-f', 'qcow2', '-c', `${what} ${at} 64k`, path]);

it.each([
  ['where there was data', '0', 'write -P 7'],
  ['where there was nothing, far behind', '1536M', 'write -P 9'],
  ['as zeros', '0', 'write -z'],
  ['as a discard', '0', 'discard'],
])('a write %s is seen, and going back is, too', async (_where, at, what) => {
  expect(await isUnchangedSince(path, 'then')).toBe(true);
  write(at, what);
  expect(await isUnchangedSince(path, 'then')).toBe(false);
  execFileSync('qemu-img', ['snapshot', '-a', 'then', path]);
  expect(await isUnchangedSince(path, 'then')).toBe(true);
});

it('another size is a change; what is not there cannot be told', async () => {
  execFileSync('qemu-img', ['snapshot', '-c', 'alone', path]);
  expect(await isUnchangedSince(path, 'nothing')).toBeNull();
  execFileSync('qemu-img', ['resize', '-q', '-f', 'qcow2', path, '3G']);
  expect(await isUnchangedSince(path, 'alone')).toBe(false);
});
