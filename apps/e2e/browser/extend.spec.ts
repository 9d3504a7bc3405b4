import { closeSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '../src/browser.ts';
import { imagesAt } from '../src/images.ts';

const mebibyte = 1024 ** 2;

/** A partition from 1 to 15 MiB of a disk of 16, with swap in it: known, and nothing that takes an appliance. */
const makeDisk = (path: string): void => {
  writeFileSync(path, '');
  truncateSync(path, 16 * mebibyte);
  const table = Buffer.alloc(512);
  table[446 + 4] = 0x82;
  table.writeUInt32LE(2048, 446 + 8);
  table.writeUInt32LE((14 * mebibyte) / 512, 446 + 12);
  table.writeUInt16LE(0xaa55, 510);
  const page = Buffer.alloc(4096);
  page.writeUInt32LE(1, 1024);
  page.writeUInt32LE((14 * mebibyte) / 4096 - 1, 1028);
  page.write('SWAPSPACE2', 4086, 'latin1');
  const file = openSync(path, 'r+');
  writeSync(file, table, 0, table.length, 0);
  writeSync(file, page, 0, page.length, mebibyte);
  closeSync(file);
};

test('a disk that was made larger offers to extend its last partition', async ({ page, strata }) => {
  const path = join(strata.dataDir, 'images', 'small.raw');
  makeDisk(path);
  const { disk } = await imagesAt(strata, { disk: path });
  await page.goto(strata.readyLink);
  await page.goto(`${strata.url}/library?image=${disk.id}`);
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Resize…' }).click();
  const resize = page.getByRole('dialog', { name: 'Resize “small.raw”' });
  await resize.getByLabel('New size').fill('+16M');
  await resize.getByRole('button', { name: 'Make it larger' }).click();

  const extend = page.getByRole('dialog', { name: 'Extend the file system inside “small.raw”' });
  await expect(extend).toContainText('14 MiB → 31 MiB');
  await expect(extend).toContainText('Only the partition grows');
  await extend.getByRole('button', { name: 'Extend', exact: true }).click();
  await expect
    .poll(async () => {
      const { items } = await strata.ok('GET', `/images/${disk.id}/partitions`);
      return items.map(({ size }: { size: number }) => size);
    })
    .toEqual([31 * mebibyte]);

  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Extend file system…' }).click();
  await expect(extend).toContainText('ends where the disk ends already');
});
