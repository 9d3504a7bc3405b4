import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canMount, mountSmallDisk, type SmallDisk } from '../../testing/full-disk.ts';
import { createSpaceWatch, type GrowingFile } from './space-watch.ts';

let folder: string;
let disk: SmallDisk;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'strata-space-')));
  if (canMount) disk = mountSmallDisk(folder, 64);
});
afterEach(() => {
  if (canMount) disk.unmount();
  rmSync(folder, { recursive: true, force: true });
});

const watchOf = (growing: readonly GrowingFile[] = [], clock = { now: 0 }) => {
  const told = { times: 0 };
  const watch = createSpaceWatch({
    folders: () => [folder],
    growing: () => growing,
    isBusy: () => true,
    changed: () => {
      told.times += 1;
    },
    now: () => clock.now,
  });
  return { watch, told, codes: async () => (await watch.look()).map(({ code }) => code) };
};
const megabytes = (count: number): Buffer => Buffer.alloc(count * 1024 ** 2, 1);

describe.skipIf(!canMount)('a disk that fills up', () => {
  it('is told when it is nearly full, tells the pages once, and no more when there is space again', async () => {
    const { watch, told, codes } = watchOf();
    expect(await codes()).toEqual([]);
    expect(told.times).toBe(0);
    writeFileSync(join(folder, 'a'), megabytes(59));
    expect(await codes()).toEqual(['disk-filling']);
    disk.fill();
    const [problem] = await watch.look();
    expect(problem?.code).toBe('disk-nearly-full');
    expect(problem?.message).toContain(folder);
    expect(told.times).toBe(2);
    await watch.look();
    expect(told.times).toBe(2);
    disk.free();
    rmSync(join(folder, 'a'));
    expect(await codes()).toEqual([]);
    expect(told.times).toBe(3);
  });

  it('is told early when a running VM fills it, and only when that could', async () => {
    const path = join(folder, 'thin');
    writeFileSync(path, megabytes(1));
    const clock = { now: 0 };
    const thin = watchOf([{ path, virtualSize: 1024 ** 4 }], clock);
    const bounded = watchOf([{ path, virtualSize: 24 * 1024 ** 2 }], clock);
    expect([await thin.codes(), await bounded.codes()]).toEqual([[], []]);
    // 20 MiB in two minutes: what is left is full in a few more.
    writeFileSync(path, megabytes(21));
    clock.now = 120_000;
    const [problem] = await thin.watch.look();
    expect(problem?.code).toBe('disk-nearly-full');
    expect(problem?.message).toMatch(/full in about \d+ minutes/);
    expect(await bounded.codes()).toEqual([]);
    // It stands still: after the window nothing is forecast any more.
    clock.now += 11 * 60_000;
    await thin.watch.look();
    clock.now += 120_000;
    expect(await thin.codes()).toEqual([]);
  });
});
