import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '../src/browser.ts';
import { expectSameContent, flatten, imagesAt, makeChain, write } from '../src/images.ts';
import type { Strata } from '../src/strata.ts';

const sumOf = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

const open = async (page: import('@playwright/test').Page, strata: Strata, id: string): Promise<void> => {
  await page.goto(strata.readyLink);
  await page.goto(`${strata.url}/library?image=${id}`);
};

test('a pasted list of sums verifies an image; written, it says why the sum is void', async ({
  page,
  strata,
}) => {
  const paths = makeChain(join(strata.dataDir, 'images'), 'sum');
  const images = await imagesAt(strata, paths);
  await open(page, strata, images.active.id);
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Checksum…' }).click();
  const dialog = page.getByRole('dialog', { name: /^Checksum of/ });
  const list = `${'0'.repeat(64)}  other.iso\n${sumOf(paths.active)} *x/${images.active.name}\n`;
  await dialog.getByLabel('Expected sum, or a list of sums').fill(list);
  await dialog.getByRole('button', { name: 'Compute and compare' }).click();
  await expect(dialog.getByText('Verified')).toBeVisible();
  await expect(dialog).toContainText(sumOf(paths.active));
  await dialog.getByLabel('Expected sum, or a list of sums').fill('f'.repeat(64));
  await dialog.getByRole('button', { name: 'Compute and compare' }).click();
  await expect(dialog.getByText('Not the expected file')).toBeVisible();
  await dialog.getByLabel('Expected sum, or a list of sums').fill(list);
  await dialog.getByRole('button', { name: 'Compute and compare' }).click();
  await expect(dialog.getByText('Verified')).toBeVisible();
  await dialog.getByRole('button', { name: 'Close' }).last().click();

  const detail = page.getByRole('dialog', { name: 'Image' });
  await expect(detail.getByText('verified', { exact: true })).toBeVisible();
  await expect(page.getByLabel('Its checksum is the expected one').first()).toBeVisible();
  write(paths.active, 3, 1, 9);
  await strata.ok('POST', '/folders/scan');
  await expect(detail.getByText(/^Void: The file was/)).toBeVisible();
  await expect(page.getByLabel('Its checksum is the expected one')).toHaveCount(0);
});

test('a disk is made larger, with its plan; smaller only when asked, and never through its data unconfirmed', async ({
  page,
  strata,
}) => {
  const folder = join(strata.dataDir, 'images');
  const paths = makeChain(folder, 'size');
  const images = await imagesAt(strata, paths);
  const whole = flatten(paths.active, join(strata.dataDir, 'whole.raw'));
  await open(page, strata, images.active.id);
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Resize…' }).click();
  const dialog = page.getByRole('dialog', { name: /^Resize/ });
  await dialog.getByLabel('New size').fill('+16M');
  await expect(dialog.getByText('64 MiB → 80 MiB')).toBeVisible();
  await dialog.getByRole('button', { name: 'Make it larger' }).click();
  await expect(dialog).toBeHidden();
  const size = async (): Promise<number> =>
    (await strata.ok('GET', `/images/${images.active.id}`)).virtualSize;
  await expect.poll(size, { timeout: 30_000 }).toBe(80 * 1024 ** 2);
  expectSameContent(whole, paths.active);

  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Resize…' }).click();
  await dialog.getByLabel('New size').fill('32M');
  await expect(dialog).toContainText('this would make it smaller');
  await dialog.getByLabel('Make it smaller').check();
  await expect(dialog).toContainText('no partition table tells whose they are');
  await expect(dialog.getByRole('button', { name: /^Cut off/ })).toBeDisabled();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  expect(await size()).toBe(80 * 1024 ** 2);

  // Something stands on it: the reason is shown instead.
  await open(page, strata, images.s3.id);
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Resize…' }).click();
  await dialog.getByLabel('New size').fill('+1G');
  await expect(dialog).toContainText(`The overlay “${images.active.name}” stands on it.`);
});

test('what a layer shows is converted to a VHD, with a forecast before', async ({ page, strata }) => {
  const folder = join(strata.dataDir, 'images');
  const paths = makeChain(folder, 'vhd');
  const images = await imagesAt(strata, paths);
  const whole = flatten(paths.s2, join(strata.dataDir, 'whole.raw'));
  await open(page, strata, images.s2.id);
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Convert…' }).click();
  const dialog = page.getByRole('dialog', { name: /^Convert/ });
  await expect(dialog.getByText(/^Takes about/)).toBeVisible();
  await dialog.getByRole('combobox', { name: 'To' }).click();
  await page.getByRole('option', { name: /^VHD,/ }).click();
  await expect(dialog.getByText('It is written in blocks of 2 MiB')).toBeVisible();
  await dialog.getByLabel('Name').fill('for azure');
  await dialog.getByRole('button', { name: 'Convert' }).click();
  await expect(dialog).toBeHidden();
  const made = join(folder, 'for-azure.vhd');
  await expect.poll(() => existsSync(made), { timeout: 30_000 }).toBe(true);
  expectSameContent(whole, made);
  await page.getByRole('button', { name: 'Close' }).first().click();
  await expect(page.getByRole('button', { name: 'for azure' }).first()).toBeVisible();
});
