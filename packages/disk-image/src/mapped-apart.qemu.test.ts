import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readMappedApart } from './mapped-apart.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'strata-apart-'));
  path = join(folder, 'disk.qcow2');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const kilo = 1024;
const qemuImg = (...args: string[]): void => void execFileSync('qemu-img', args);
const io = (...commands: string[]): void =>
  void execFileSync('qemu-io', ['-f', 'qcow2', ...commands.flatMap((command) => ['-c', command]), path]);
const contents = (state: string | null): Buffer => {
  const out = join(folder, 'out.raw');
  const which = state === null ? [] : ['-l', `snapshot.id=${state}`];
  qemuImg('convert', ...which, '-f', 'qcow2', '-O', 'raw', path, out);
  return readFileSync(out);
};
const states = ['1', '2', null] as const;

it.each([
  ['usual clusters', []],
  ['subclusters', ['-o', 'extended_l2=on,cluster_size=128k']],
  ['small clusters and tables', ['-o', 'cluster_size=4k']],
])(
  'all that differs between two states lies in what is told, and what nobody wrote does not: %s',
  async (_, options) => {
    qemuImg('create', '-q', '-f', 'qcow2', ...options, path, '6M');
    io('write -P 1 0 1M', 'write -P 2 3M 64k', 'write -P 7 5M 1k');
    qemuImg('snapshot', '-c', 'one', path);
    io('write -P 3 128k 64k', 'write -z 512k 128k', 'discard 3M 64k', 'write -P 7 5M 1k');
    qemuImg('snapshot', '-c', 'two', path);
    io('write -P 4 128k 4k', 'write -P 5 2M 8k', 'write -P 2 3M 64k');
    for (const one of states)
      for (const other of states) {
        const found = await readMappedApart(path, one, other);
        expect(found).toMatchObject({ problems: [], sizes: [6 * kilo ** 2, 6 * kilo ** 2] });
        const extents = found?.extents ?? [];
        if (one === other) expect(extents).toEqual([]);
        const [left, right] = [contents(one), contents(other)];
        const told = (at: number): boolean =>
          extents.some(([start, length]) => at >= start && at < start + length);
        for (let at = 0; at < left.length; at += 512)
          if (!left.subarray(at, at + 512).equals(right.subarray(at, at + 512)))
            expect(told(at), `${one} and ${other} at ${at}`).toBe(true);
        for (const untouched of [900 * kilo, 4 * kilo ** 2]) expect(told(untouched)).toBe(false);
      }
  },
);

it('what only the longer one has counts as different; a state that is not there is none', async () => {
  qemuImg('create', '-q', '-f', 'qcow2', path, '2M');
  qemuImg('snapshot', '-c', 'short', path);
  qemuImg('resize', '-q', '-f', 'qcow2', path, '3M');
  expect(await readMappedApart(path, '1', null)).toEqual({
    ...{ extents: [[2 * kilo ** 2, kilo ** 2]], problems: [] },
    sizes: [2 * kilo ** 2, 3 * kilo ** 2],
  });
  expect(await readMappedApart(path, '9', null)).toBeNull();
});
