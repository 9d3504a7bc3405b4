import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readHeldApart } from './held-apart.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'strata-held-'));
  path = join(folder, 'disk.qcow2');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const kilo = 1024;
const qemuImg = (...args: string[]): void => void execFileSync('qemu-img', args);
const io = (...commands: string[]): void =>
  void execFileSync('qemu-io', ['-f', 'qcow2', ...commands.flatMap((command) => ['-c', command]), path]);
/** What the file takes: a cluster that becomes free leaves a hole. */
const taken = (): number => statSync(path).blocks * 512;
const byTag = () => readHeldApart(path, ({ tag }) => tag);

it.each([
  ['usual clusters', [], 64],
  ['subclusters', ['-o', 'extended_l2=on,cluster_size=128k'], 128],
  ['small clusters and tables', ['-o', 'cluster_size=4k'], 4],
])('what a tag alone holds is what its deletion gives back: %s', async (_, options, cluster) => {
  qemuImg('create', '-q', '-f', 'qcow2', ...options, path, '16M');
  io('write -P 1 0 4M');
  qemuImg('snapshot', '-c', 'one', path);
  io('write -P 2 1M 1M', 'write -P 2 8M 512k');
  qemuImg('snapshot', '-c', 'two', path);
  qemuImg('snapshot', '-c', 'twin', path);
  io('write -P 3 8M 1M');
  const held = await byTag();
  // Nothing of its own, because another one shows the same.
  expect(held?.get('two')).toBeLessThanOrEqual(2 * cluster * kilo);
  expect(held?.get('one')).toBeGreaterThanOrEqual(1024 * kilo);
  const both = await readHeldApart(path, ({ tag }) => (tag === 'one' ? tag : 'both'));
  expect(both?.get('both')).toBeGreaterThanOrEqual(512 * kilo);
  for (const tag of ['one', 'two', 'twin']) {
    const told = (await byTag())?.get(tag) ?? -1;
    const before = taken();
    qemuImg('snapshot', '-d', tag, path);
    // The list of the snapshots itself is written anew, and refcount tables may be.
    expect(Math.abs(before - taken() - told), tag).toBeLessThanOrEqual(3 * cluster * kilo);
  }
  expect(await byTag()).toEqual(new Map());
});

it('compressed clusters count where they lie in the file', async () => {
  qemuImg('create', '-q', '-f', 'qcow2', path, '16M');
  io(...Array.from({ length: 16 }, (_, at) => `write -c -P ${at + 1} ${at * 64}k 64k`));
  qemuImg('snapshot', '-c', 'one', path);
  io('write -P 9 0 1M');
  const held = (await byTag())?.get('one') ?? 0;
  expect(held).toBeGreaterThanOrEqual(64 * kilo);
  expect(held).toBeLessThan(1024 * kilo);
});

it('is not told of a file whose tables cannot be, and of what is no qcow2 image', async () => {
  qemuImg('create', '-q', '-f', 'qcow2', path, '16M');
  io('write -P 1 0 4M');
  qemuImg('snapshot', '-c', 'one', path);
  truncateSync(path, 5 * 64 * kilo);
  expect(await byTag()).toBeNull();
  const raw = join(folder, 'disk.raw');
  writeFileSync(raw, Buffer.alloc(kilo ** 2));
  expect(await readHeldApart(raw, ({ tag }) => tag)).toBeNull();
});
