import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readImageHeader } from './read-image-header.ts';
import { headBytes, relinkedHead } from './relinked-head.ts';
import { qemuImg, qemuIo, temporaryFolder } from './testing/image-files.ts';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());
const at = (name: string): string => join(folder.path, name);

/** Writes what `relinkedHead` answers into a copy. Null: it answers nothing. */
const relinked = (name: string, link: { string: string; format: string }): Buffer | null => {
  const before = readFileSync(at(name));
  const change = relinkedHead(before.subarray(0, headBytes), link);
  if (change === null) return null;
  const after = Buffer.from(before);
  change.bytes.copy(after, change.offset);
  writeFileSync(at(`new-${name}`), after);
  return after;
};

const base = 'base.qcow2';
const build = (...options: string[]): void => {
  qemuImg('create', '-q', '-f', 'qcow2', at(base), '4M');
  qemuImg('create', '-q', '-f', 'raw', at('other.raw'), '4M');
  qemuIo('-f', 'qcow2', '-c', 'write -P 7 0 1M', at(base));
  qemuImg('create', '-q', '-f', 'qcow2', ...options, '-b', base, '-F', 'qcow2', at('top.qcow2'));
  qemuIo('-f', 'qcow2', '-c', 'write -P 9 512k 4k', at('top.qcow2'));
};

const links = [
  ['of the same length', 'bass.qcow2', 'qcow2'],
  ['that is shorter', 'b', 'qcow2'],
  ['that is longer', `${'x'.repeat(200)}.qcow2`, 'qcow2'],
  ['of another format', 'other.raw', 'raw'],
] as const;

it.each(links)(
  'of a link %s says what qemu-img rebase -u would make it say',
  async (_what, string, format) => {
    build();
    expect(relinked('top.qcow2', { string, format })).not.toBeNull();
    const before = await readImageHeader(at('top.qcow2'));
    qemuImg('rebase', '-u', '-f', 'qcow2', '-b', string, '-F', format, at('top.qcow2'));
    const [ours, theirs] = await Promise.all(
      ['new-top.qcow2', 'top.qcow2'].map((name) => readImageHeader(at(name))),
    );
    expect(ours).toMatchObject({ backing: { string, format }, problems: [] });
    expect(ours?.backing).toEqual(theirs?.backing);
    expect(ours).toEqual({ ...before, backing: { string, format } });
  },
);

it.each([
  ['version 2', ['-o', 'compat=0.10']],
  ['subclusters', ['-o', 'extended_l2=on']],
  ['small clusters', ['-o', 'cluster_size=4k']],
])(
  'leaves every other byte of an image of %s, and it reads the same over a copy of its backing',
  (_what, options) => {
    build(...options);
    writeFileSync(at('copy.qcow2'), readFileSync(at(base)));
    const before = readFileSync(at('top.qcow2'));
    const after = relinked('top.qcow2', { string: 'copy.qcow2', format: 'qcow2' });
    expect(after?.subarray(headBytes).equals(before.subarray(headBytes))).toBe(true);
    qemuImg('compare', '-q', at('top.qcow2'), at('new-top.qcow2'));
    expect(qemuImg('check', '-f', 'qcow2', at('new-top.qcow2'))).toMatch(/No errors/);
  },
);

it('keeps a bitmap and an internal snapshot', async () => {
  build();
  qemuImg('bitmap', '--add', '-f', 'qcow2', at('top.qcow2'), 'changes');
  qemuImg('snapshot', '-c', 'inside', at('top.qcow2'));
  relinked('top.qcow2', { string: 'bass.qcow2', format: 'qcow2' });
  const { qcow2 } = await readImageHeader(at('new-top.qcow2'));
  expect(qcow2).toMatchObject({ bitmaps: 1, snapshots: [{ tag: 'inside' }] });
});

it('answers nothing where the new link has no place', () => {
  build('-o', 'cluster_size=512');
  const long = `${'x'.repeat(500)}.qcow2`;
  expect(relinked('top.qcow2', { string: long, format: 'qcow2' })).toBeNull();
  expect(relinked('top.qcow2', { string: base, format: 'a-long-driver' })).toBeNull();
  expect(relinked('top.qcow2', { string: '', format: 'qcow2' })).toBeNull();
  expect(relinked('base.qcow2', { string: base, format: 'qcow2' })).toBeNull();
  expect(relinked('other.raw', { string: base, format: 'qcow2' })).toBeNull();
});

it('answers nothing where something else lies behind the old name', () => {
  build();
  const bytes = readFileSync(at('top.qcow2'));
  const end = Number(bytes.readBigUInt64BE(8)) + bytes.readUInt32BE(16);
  bytes.writeUInt8(1, end + 3);
  writeFileSync(at('top.qcow2'), bytes);
  expect(relinked('top.qcow2', { string: 'base-of-it-all.qcow2', format: 'qcow2' })).toBeNull();
  expect(relinked('top.qcow2', { string: 'bass.qcow2', format: 'qcow2' })).not.toBeNull();
});
