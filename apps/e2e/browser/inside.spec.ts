import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Download, Page } from '@playwright/test';
import { expect as soon, test } from '../src/browser.ts';
import {
  blob,
  checkDisk,
  hasGuestfish,
  hostileNames,
  keepAppliance,
  makeDiskWithFiles,
  manyFiles,
  partitionOffset,
  readFromDisk,
} from '../src/disk-with-files.ts';
import { imagesAt } from '../src/images.ts';

/** The appliance works without KVM, on a machine that does much else; first it is made of the kernel of that. */
const expect = soon.configure({ timeout: 120_000 });
const applianceMs = 400_000;
test.setTimeout(1_800_000);
test.skip(!hasGuestfish(), 'guestfish is not installed');
keepAppliance();

const readyForFiles = async (page: Page): Promise<void> => {
  await expect(page.getByRole('button', { name: 'Open partition 1', exact: true })).toBeVisible({
    timeout: applianceMs,
  });
};

const saving = async (page: Page, save: () => Promise<void>): Promise<Download> => {
  const download = page.waitForEvent('download');
  await save();
  return await download;
};

test('an image is looked into: its partitions, its files, what they hold; some are fetched, others changed', async ({
  page,
  strata,
}) => {
  const path = join(strata.dataDir, 'images', 'disk.raw');
  makeDiskWithFiles(path);
  const before = readFileSync(path);
  const { disk } = await imagesAt(strata, { disk: path });
  const grid = page.getByRole('grid', { name: 'Files' });
  const row = (name: string) => grid.getByRole('row', { name });
  const pane = page.getByRole('complementary', { name: 'Preview' });
  await page.goto(strata.readyLink);

  await test.step('from the library, while the appliance starts it says what happens', async () => {
    await page.goto(`${strata.url}/library?image=${disk.id}`);
    await page.getByRole('button', { name: 'Look inside' }).click();
    await expect(page.getByText('Getting ready to look inside')).toBeVisible();
    await readyForFiles(page);
  });

  await test.step('partitions with their place on the disk, and why one cannot be opened', async () => {
    const partitions = page.getByRole('table', { name: 'Partitions and file systems' });
    await expect(partitions.getByRole('row').nth(1)).toContainText('ext4 “root”');
    await expect(partitions.getByRole('row').nth(1)).toContainText(String(partitionOffset));
    await expect(partitions.getByRole('button', { name: 'Open', exact: false })).toHaveCount(1);
    await expect(page.getByRole('group', { name: 'The disk, in scale' }).getByRole('button')).toHaveCount(2);
    await page.getByRole('button', { name: 'Open partition 1', exact: true }).click();
  });

  await test.step('names are only text, whatever they are', async () => {
    await expect(row('photo‹U+202E›gnp.exe')).toBeVisible();
    await expect(row('line‹U+000A›break<img src=x onerror=alert(1)>.html')).toBeVisible();
    await expect(row('→ ../../../../etc/passwd')).toBeVisible();
    await expect(row(hostileNames.long)).toBeVisible();
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
    expect(wide).toBe(false);
  });

  await test.step('keys walk the files and folders', async () => {
    await grid.focus();
    await page.keyboard.press('Home');
    await expect(row('Folder etc')).toHaveAttribute('aria-selected', 'true');
    await page.keyboard.press('Enter');
    await expect(row('hostname')).toBeVisible();
    await page.keyboard.press('Backspace');
    await expect(row('Folder etc')).toHaveAttribute('aria-selected', 'true');
    await page.keyboard.press('ArrowDown');
    await expect(row('Folder home')).toHaveAttribute('aria-selected', 'true');
  });

  await test.step('how a file begins, as text or as bytes', async () => {
    await row('notes.txt').click();
    await expect(pane.getByText('second line')).toBeVisible();
    await row('blob.bin').click();
    await expect(pane.getByRole('heading', { name: 'How it begins, in hexadecimal' })).toBeVisible();
    await expect(pane).toContainText('00 07 0e 15');
  });

  await test.step('a file is fetched, and a folder as an archive', async () => {
    const file = await saving(page, () => pane.getByRole('button', { name: 'Download' }).click());
    expect(readFileSync(await file.path()).equals(blob)).toBe(true);
    await row('Folder etc').getByRole('img').click();
    const tar = await saving(page, () => pane.getByRole('button', { name: 'Download as tar' }).click());
    const names = execFileSync('tar', ['-tf', await tar.path()], { encoding: 'utf8' });
    expect(names).toContain('hostname');
  });

  await test.step('a folder of hundreds comes in pages, all of them when that is asked for', async () => {
    await row('Folder many').getByRole('button', { name: 'many' }).click();
    await expect(page.getByText('the first 200 of 700 entries')).toBeVisible();
    await page.getByRole('button', { name: 'Load all' }).click();
    await expect(page.getByText('700 entries', { exact: true })).toBeVisible();
    await grid.focus();
    await page.keyboard.press('End');
    await expect(row(`file-${manyFiles}`)).toBeVisible();
    await page.getByRole('searchbox', { name: 'Filter by name' }).fill('file-6');
    await expect(page.getByText('111 of 700 entries')).toBeVisible();
  });

  await test.step('an address leads to the same folder again', async () => {
    await page.reload();
    await expect(page.getByText('the first 200 of 700 entries')).toBeVisible();
    await page.getByRole('navigation', { name: 'Folder' }).getByRole('button', { name: 'Disk' }).click();
    await readyForFiles(page);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  await test.step('to change files it is opened anew, after a warning', async () => {
    await page.getByRole('button', { name: 'Change files…' }).click();
    const warning = page.getByRole('dialog', { name: 'Change files inside “disk.raw”?' });
    await expect(warning).toContainText('Its checksum is void from then on.');
    await warning.getByRole('button', { name: 'Open for writing' }).click();
    await expect(page.getByText('Can be changed')).toBeVisible({ timeout: applianceMs });
    await page.getByRole('button', { name: 'Open partition 1', exact: true }).click();
  });

  await test.step('files are put in, one in the place of another only when that is wished', async () => {
    const folder = join(strata.dataDir, 'to-send');
    mkdirSync(folder);
    writeFileSync(join(folder, 'added.bin'), blob);
    writeFileSync(join(folder, 'notes.txt'), 'replaced\n');
    const choose = async (name: string) => {
      const chooser = page.waitForEvent('filechooser');
      await page.getByRole('button', { name: 'Upload files…' }).click();
      await (await chooser).setFiles(join(folder, name));
    };
    await choose('added.bin');
    await expect(row('added.bin')).toBeVisible();
    await choose('notes.txt');
    const question = page.getByRole('dialog', { name: 'Replace this file?' });
    await expect(question).toContainText('notes.txt');
    await question.getByRole('button', { name: 'Replace' }).click();
    await row('notes.txt').click();
    await expect(pane.getByText('replaced')).toBeVisible();
  });

  await test.step('folders are made, and what has a hostile name is deleted by that name', async () => {
    await page.getByRole('button', { name: 'New folder…' }).click();
    const dialog = page.getByRole('dialog', { name: 'New folder' });
    await dialog.getByLabel('Name').fill('made here');
    await dialog.getByRole('button', { name: 'Make the folder' }).click();
    await expect(row('made here')).toBeVisible();
    await row('photo‹U+202E›gnp.exe').click();
    await pane.getByRole('button', { name: 'Delete…' }).click();
    await page
      .getByRole('dialog', { name: 'photo‹U+202E›gnp.exe' })
      .getByRole('button', { name: 'Delete' })
      .click();
    await expect(row('photo‹U+202E›gnp.exe')).toHaveCount(0);
  });

  await test.step('when it is closed, all of that is in the image, and its file system is whole', async () => {
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await expect(page.getByRole('button', { name: 'Look inside again' })).toBeVisible();
    await expect.poll(async () => (await strata.ok('GET', '/inside')).total).toBe(0);
    checkDisk(path);
    expect(readFromDisk(path, '/added.bin').equals(blob)).toBe(true);
    expect(readFromDisk(path, '/notes.txt').toString()).toBe('replaced\n');
  });

  await test.step('one that is ended from elsewhere says so, and is opened again', async () => {
    await page.getByRole('button', { name: 'Look inside again' }).click();
    await expect(page.getByText('Getting ready to look inside')).toBeVisible();
    const [session] = (
      await expect
        .poll(async () => (await strata.ok('GET', '/inside')).total)
        .toBe(1)
        .then(() => strata.ok('GET', '/inside'))
    ).items;
    await strata.ok('DELETE', `/inside/${session.id}`);
    await expect(page.getByText('This look inside has ended')).toBeVisible();
    await expect(page.getByRole('button', { name: 'Look inside again' })).toBeVisible();
  });
});
