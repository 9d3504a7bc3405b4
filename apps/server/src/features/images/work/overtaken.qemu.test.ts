import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { adoptFolderBody } from '@strata/contract';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { forgetBackingFormat } from '../../../testing/damaged-image.ts';
import { qemuImg, type WorkBench, type WorkFolder, workFolder } from '../../../testing/work-bench.ts';

/*
 * A request looks at the library, plans, and begins. An operation that began and ended in between holds no lock any more by
 * then: what was planned on may no longer be so.
 *
 *    top ●then      stray (outside, stands on base)
 *    base
 */
let folder: WorkFolder;
let bench: WorkBench;
let outside: string;
const at = (name: string): string => folder.at(name);
const idOf = (name: string): string => bench.library.images.findByPath(at(name))?.id ?? `no ${name}`;

beforeEach(async () => {
  folder = await workFolder();
  outside = realpathSync(mkdtempSync(join(tmpdir(), 'strata-outside-')));
  mkdirSync(join(outside, 'foreign'));
  qemuImg('create', '-q', '-f', 'qcow2', at('base.qcow2'), '1M');
  qemuImg('create', '-q', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', at('top.qcow2'));
  qemuImg('snapshot', '-c', 'then', at('top.qcow2'));
  const stray = join(outside, 'foreign', 'stray.qcow2');
  qemuImg('create', '-q', '-f', 'qcow2', '-b', at('base.qcow2'), '-F', 'qcow2', stray);
  bench = await folder.open();
  await bench.library.images.scan();
});
afterEach(async () => {
  await folder.dispose();
  rmSync(outside, { recursive: true, force: true });
});

/** The next look at the library is followed by an operation on this image, from its beginning to its end. */
const workBehindItsBack = (name: string): void => {
  const { images } = bench.library;
  const { scan, refresh, checkedChain } = images;
  const work = async (): Promise<void> => {
    Object.assign(images, { scan, refresh, checkedChain });
    const operation = await bench.work.check(idOf(name), { repair: 'leaks' });
    expect(await bench.ended(operation)).toMatchObject({ state: 'done' });
  };
  Object.assign(images, {
    scan: () => scan().then(work),
    refresh: (...all: Parameters<typeof refresh>) => refresh(...all).then(work),
    checkedChain: async (id: string) => {
      const chain = await checkedChain(id);
      await work();
      return chain;
    },
  });
};

const adopt = () => adoptFolderBody.parse({ path: join(outside, 'foreign'), mode: 'register' });
const requests: readonly [string, string, () => Promise<unknown>][] = [
  ['a copy', 'base.qcow2', () => bench.work.copy(idOf('top.qcow2'), { name: 'copy', what: 'content' })],
  ['an extraction', 'base.qcow2', () => bench.work.extract(idOf('top.qcow2'), { tag: 'then', name: 'copy' })],
  ['a new name', 'top.qcow2', () => bench.work.rename(idOf('base.qcow2'), { name: 'other.qcow2' })],
  ['a check', 'top.qcow2', () => bench.work.check(idOf('top.qcow2'), {})],
  ['a checksum', 'top.qcow2', () => bench.checksums.compute(idOf('top.qcow2'), {})],
  [
    'a conversion',
    'base.qcow2',
    () => bench.conversions.run(idOf('top.qcow2'), { name: 'copy', format: 'raw' }),
  ],
];

it.each(requests)(
  '%s does not begin on a look that another operation has overtaken',
  async (_, busy, request) => {
    workBehindItsBack(busy);
    await expect(request()).rejects.toMatchObject({ code: 'plan-stale' });
    expect(bench.operations.list({}).items.map(({ kind }) => kind)).toEqual(['image-check']);
    // Looked at anew it begins.
    expect(await bench.ended((await request()) as Parameters<WorkBench['ended']>[0])).toMatchObject({
      state: 'done',
    });
  },
);

it('a repair does not begin on a look that another operation has overtaken', async () => {
  forgetBackingFormat(at('top.qcow2'));
  await bench.library.images.scan();
  const request = () => bench.repairs.repair(idOf('top.qcow2'), { repair: 'record-format' });
  workBehindItsBack('top.qcow2');
  await expect(request()).rejects.toMatchObject({ code: 'plan-stale' });
  expect(qemuImg('info', '--output=json', at('top.qcow2'))).not.toContain('backing-filename-format');
  const { operation } = await request();
  expect(operation === null ? null : await bench.ended(operation)).toMatchObject({ state: 'done' });
});

it('an adoption does not begin on a look that another operation has overtaken', async () => {
  const { fingerprint } = await bench.adoption.plan(adopt());
  workBehindItsBack('base.qcow2');
  await expect(bench.adoption.run(adopt(), fingerprint)).rejects.toMatchObject({ code: 'plan-stale' });
  const ended = await bench.ended(
    await bench.adoption.run(adopt(), (await bench.adoption.plan(adopt())).fingerprint),
  );
  expect(ended).toMatchObject({ state: 'done' });
});
