import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { emptyQcow2 } from './empty-qcow2.ts';
import { readImageHeader } from './read-image-header.ts';
import { qemuImg, qemuIo, temporaryFolder } from './testing/image-files.ts';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());
const at = (name: string): string => join(folder.path, name);

const mebi = 1024 ** 2;
const tebi = 1024 ** 4;
const sizes = [512, 65_536, 64 * mebi, 512 * mebi, 512 * mebi + 512, 3 * tebi, 64 * tebi];

it.each(sizes)('is of %i bytes what qemu-img makes, with a backing file', async (size) => {
  qemuImg('create', '-q', '-f', 'qcow2', at('base.qcow2'), String(size));
  qemuImg('create', '-q', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', at('theirs.qcow2'));
  const backing = { string: 'base.qcow2', format: 'qcow2' };
  writeFileSync(at('ours.qcow2'), emptyQcow2({ virtualSize: size, backing }));
  const [ours, theirs] = await Promise.all([
    readImageHeader(at('ours.qcow2')),
    readImageHeader(at('theirs.qcow2')),
  ]);
  expect(ours).toEqual(theirs);
  expect(ours).toMatchObject({ virtualSize: size, backing, problems: [] });
  expect(statSync(at('ours.qcow2')).size).toBe(statSync(at('theirs.qcow2')).size);
  const info = (name: string) => {
    const {
      filename: _,
      'actual-size': __,
      children: ___,
      ...rest
    } = JSON.parse(qemuImg('info', '--output=json', at(name))) as Record<string, unknown>;
    return rest;
  };
  expect(info('ours.qcow2')).toEqual(info('theirs.qcow2'));
  const check = (name: string) => {
    const report = JSON.parse(qemuImg('check', '-f', 'qcow2', '--output=json', at(name)));
    return [report['check-errors'], report.corruptions, report.leaks, report['image-end-offset']];
  };
  expect(check('ours.qcow2')).toEqual([0, undefined, undefined, check('theirs.qcow2')[3]]);
});

it('takes what is written, and shows what is below', () => {
  qemuImg('create', '-q', '-f', 'qcow2', at('base.qcow2'), '8M');
  qemuIo('-f', 'qcow2', '-c', 'write -P 7 0 1M', at('base.qcow2'));
  const backing = { string: 'base.qcow2', format: 'qcow2' };
  writeFileSync(at('top.qcow2'), emptyQcow2({ virtualSize: 8 * mebi, backing }));
  qemuImg('compare', '-q', at('base.qcow2'), at('top.qcow2'));
  qemuIo('-f', 'qcow2', '-c', 'write -P 9 512k 4M', at('top.qcow2'));
  const shown = qemuIo('-f', 'qcow2', '-c', 'read -P 7 0 512k', '-c', 'read -P 9 512k 4M', at('top.qcow2'));
  expect(shown).not.toMatch(/verification failed/i);
  expect(qemuImg('check', '-f', 'qcow2', at('top.qcow2'))).toMatch(/No errors/);
});

it('can be without a backing file, or not tell its format', async () => {
  writeFileSync(at('alone.qcow2'), emptyQcow2({ virtualSize: mebi, backing: null }));
  expect(await readImageHeader(at('alone.qcow2'))).toMatchObject({ backing: null, problems: [] });
  const backing = { string: 'x.img', format: null };
  writeFileSync(at('silent.qcow2'), emptyQcow2({ virtualSize: mebi, backing }));
  expect(await readImageHeader(at('silent.qcow2'))).toMatchObject({ backing });
});

it('refuses what no header can hold', () => {
  const of = (virtualSize: number, string: string) => () =>
    emptyQcow2({ virtualSize, backing: { string, format: 'raw' } });
  expect(of(mebi, 'é'.repeat(512))).toThrow(RangeError);
  expect(of(mebi, '')).toThrow(RangeError);
  expect(of(513, 'base.img')).toThrow(RangeError);
  expect(of(-512, 'base.img')).toThrow(RangeError);
});
