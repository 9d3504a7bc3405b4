import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { expect, test } from '../src/browser.ts';
import type { Strata } from '../src/strata.ts';

/** The machine may be busy. */
const patient = { timeout: 60_000 };
let folder = '';
test.beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'strata-make-page-'));
});
test.afterEach(() => rmSync(folder, { recursive: true, force: true }));

const put = (path: string, bytes: Buffer | string): string => {
  mkdirSync(join(folder, path, '..'), { recursive: true });
  writeFileSync(join(folder, path), bytes);
  return join(folder, path);
};
const open = async (page: Page, strata: Strata, kind: string) => {
  await page.goto(strata.readyLink);
  await page.goto(`${strata.url}/library`);
  await page.getByRole('button', { name: 'Make from…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Make an image' });
  await dialog.getByRole('radio', { name: kind }).click();
  return dialog;
};
const line = (page: Page, name: string) =>
  page.getByRole('region', { name: 'Uploads' }).getByRole('listitem').filter({ hasText: name });
const made = (strata: Strata, file: string): string => join(strata.dataDir, 'images', file);
const extractIso = (path: string): string => {
  const target = mkdtempSync(join(folder, 'out-'));
  const from = ['-indev', `stdio:${path}`, '-osirrox', 'on', '-extract', '/', target];
  execFileSync('xorriso', ['-no_rc', ...from], { stdio: 'ignore' });
  return target;
};
const extractFat = (path: string): string => {
  const target = mkdtempSync(join(folder, 'out-'));
  execFileSync('mcopy', ['-s', '-n', '-i', `${path}@@1048576`, '::*', target]);
  return target;
};

test('files and a folder that are chosen become an ISO, with progress and a link to it', async ({
  page,
  strata,
}) => {
  const bytes = randomBytes(300_000);
  put('pictures/2024/a.jpg', bytes);
  put('pictures/b.txt', 'b');
  const dialog = await open(page, strata, 'ISO');
  await dialog
    .getByLabel('Choose files…')
    .setInputFiles([put('READ ME.txt', 'read me'), put('wrong.txt', 'wrong')]);
  await dialog.locator('input[webkitdirectory]').setInputFiles(join(folder, 'pictures'));
  const list = dialog.getByRole('list', { name: 'What was chosen' });
  await expect(list.getByRole('listitem')).toHaveCount(3);
  await expect(list).toContainText('2 files');
  await dialog.getByRole('button', { name: 'Leave out wrong.txt' }).click();
  await expect(list.getByRole('listitem')).toHaveCount(2);
  await expect(dialog).toContainText('5 files and folders with 293 KiB become', patient);

  const label = dialog.getByRole('textbox', { name: 'Name of the disc' });
  await label.fill('no blanks');
  await dialog.getByRole('textbox', { name: 'Name of the image' }).fill('Pictures');
  await expect(dialog).toContainText('1 to 32 letters');
  await expect(dialog.getByRole('button', { name: 'Make it' })).toBeDisabled();
  await label.fill('PICTURES');
  await dialog.getByRole('button', { name: 'Make it' }).click();
  await expect(line(page, 'Pictures.tar')).toContainText('is in the library', patient);
  const target = extractIso(made(strata, 'Pictures.iso'));
  expect(readFileSync(join(target, 'pictures/2024/a.jpg')).equals(bytes)).toBe(true);
  expect(readFileSync(join(target, 'pictures/b.txt'), 'utf8')).toBe('b');
  expect(readFileSync(join(target, 'READ ME.txt'), 'utf8')).toBe('read me');
  await expect.poll(async () => (await strata.ok('GET', '/uploads')).items, patient).toEqual([]);
  await line(page, 'Pictures.tar').getByRole('link', { name: 'Open image' }).click();
  await expect(page.getByRole('dialog')).toContainText('Pictures');
});

test('files that are dropped become a disk for firmware, and are no upload into the library', async ({
  page,
  strata,
}) => {
  const dialog = await open(page, strata, 'Disk');
  const data = await page.evaluateHandle(() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([new Uint8Array(300_000).fill(7)], 'KERNEL.EFI'));
    transfer.items.add(new File(['x'], 'con.txt'));
    return transfer;
  });
  // Anywhere: also where nothing says so.
  await page.dispatchEvent('h1', 'dragover', { dataTransfer: data });
  await expect(dialog).toContainText('Drop to add them');
  await page.dispatchEvent('h1', 'drop', { dataTransfer: data });
  await expect(dialog.getByRole('list', { name: 'What was chosen' }).getByRole('listitem')).toHaveCount(2);
  expect((await strata.ok('GET', '/uploads')).items).toEqual([]);

  // What was chosen is still there for something else.
  await dialog.getByRole('radio', { name: 'Floppy' }).click();
  await expect(dialog.getByRole('alert')).toContainText('“con.txt” cannot lie on it under that name');
  await dialog.getByRole('button', { name: 'Leave out con.txt' }).click();
  await expect(dialog).toContainText('1 file or folder with 293 KiB becomes 1.4 MiB', patient);
  await expect(dialog.getByRole('alert')).toHaveCount(0);
  await dialog.getByRole('radio', { name: 'Disk' }).click();
  await dialog.getByRole('combobox', { name: 'File system', exact: true }).click();
  await page.getByRole('option', { name: 'FAT32 (every system)' }).click();
  await dialog.getByRole('checkbox', { name: 'Firmware boots from it' }).check();
  await dialog.getByRole('combobox', { name: 'Format', exact: true }).click();
  await page.getByRole('option', { name: 'raw', exact: true }).click();
  await dialog.getByRole('textbox', { name: 'Name of the image' }).fill('Boot');
  await dialog.getByRole('button', { name: 'Make it' }).click();
  await expect(line(page, 'Boot.tar')).toContainText('is in the library', patient);
  const target = extractFat(made(strata, 'Boot.raw'));
  expect(readFileSync(join(target, 'KERNEL.EFI')).equals(Buffer.alloc(300_000, 7))).toBe(true);
});

test('a folder of the host becomes a floppy, and what does not fit is said before', async ({
  page,
  strata,
}) => {
  put('files/BIG.BIN', Buffer.alloc(1_000_000, 3));
  const dialog = await open(page, strata, 'Floppy');
  await dialog.getByText('A folder of the host').click();
  await dialog.getByRole('textbox', { name: 'Folder of the host' }).fill(join(folder, 'files'));
  await dialog.getByRole('textbox', { name: 'Name of the image' }).fill('Setup');
  await dialog.getByRole('combobox', { name: 'Floppy', exact: true }).click();
  await page.getByRole('option', { name: '720 KB' }).click();
  await expect(dialog.getByRole('alert')).toContainText('holds 977 KiB, and the floppy has 720', patient);
  await expect(dialog.getByRole('button', { name: 'Make it' })).toBeDisabled();
  await dialog.getByRole('combobox', { name: 'Floppy', exact: true }).click();
  await page.getByRole('option', { name: '1.44 MB' }).click();
  await dialog.getByRole('button', { name: 'Make it' }).click(patient);
  await expect(page.getByRole('row', { name: /Setup/ })).toBeVisible(patient);
  const target = mkdtempSync(join(folder, 'out-'));
  execFileSync('mcopy', ['-n', '-i', made(strata, 'Setup.raw'), '::BIG.BIN', target]);
  expect(readFileSync(join(target, 'BIG.BIN')).equals(Buffer.alloc(1_000_000, 3))).toBe(true);
});

test('a seed for cloud-init comes from its texts, and says what is wrong with them', async ({
  page,
  strata,
}) => {
  const dialog = await open(page, strata, 'Cloud-init seed');
  await dialog.getByRole('textbox', { name: 'User data' }).fill('hostname: x');
  await dialog.getByRole('textbox', { name: 'Name of the image' }).fill('Seed');
  await dialog.getByRole('button', { name: 'Make it' }).click();
  await expect(dialog).toContainText('must begin with #cloud-config');
  await dialog.getByRole('textbox', { name: 'User data' }).fill('#cloud-config\nhostname: x\n');
  await dialog.getByRole('button', { name: 'Make it' }).click();
  await expect(page.getByRole('row', { name: /Seed/ })).toBeVisible(patient);
  expect(readFileSync(join(extractIso(made(strata, 'Seed.iso')), 'user-data'), 'utf8')).toBe(
    '#cloud-config\nhostname: x\n',
  );
});

test('files that were sent, of which no image was made, wait for one', async ({ page, strata }) => {
  const tar = join(folder, 'files.tar');
  put('in/a.txt', 'a');
  execFileSync('tar', ['-cf', tar, '-C', join(folder, 'in'), '.']);
  const bytes = readFileSync(tar);
  const authorization = `Bearer ${new URL(strata.readyLink).hash.replace('#token=', '')}`;
  const metadata = Object.entries({ filename: 'files.tar', purpose: 'make' })
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',');
  const begun = await fetch(`${strata.url}/api/v1/uploads`, {
    method: 'POST',
    headers: {
      ...{ authorization, 'tus-resumable': '1.0.0', 'upload-length': String(bytes.length) },
      ...{ 'upload-metadata': metadata, 'content-type': 'application/offset+octet-stream' },
    },
    body: new Uint8Array(bytes),
  });
  expect(begun.status).toBe(201);
  await page.goto(strata.readyLink);
  await page.goto(`${strata.url}/library`);
  await expect(line(page, 'files.tar')).toContainText('waits for an image to be made of it', patient);
  await page.getByRole('button', { name: 'Make an image…: files.tar' }).click();
  const dialog = page.getByRole('dialog', { name: 'Make an image' });
  await expect(dialog.getByRole('radio', { name: 'Cloud-init seed' })).toHaveCount(0);
  await expect(dialog).toContainText('1 file or folder with 1 byte becomes', patient);
  await dialog.getByRole('textbox', { name: 'Name of the image' }).fill('Waited');
  await dialog.getByRole('button', { name: 'Make it' }).click();
  await expect(page.getByRole('row', { name: /Waited/ })).toBeVisible(patient);
  expect(readFileSync(join(extractIso(made(strata, 'Waited.iso')), 'a.txt'), 'utf8')).toBe('a');
  await expect.poll(async () => (await strata.ok('GET', '/uploads')).items, patient).toEqual([]);
});
