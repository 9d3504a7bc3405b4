import { existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '../src/browser.ts';
import { backingOf, expectSameContent, flatten, imagesAt, makeChain } from '../src/images.ts';

/** Folders beside the data folder. */
const secondFolders: string[] = [];
test.afterEach(() => {
  for (const folder of secondFolders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

test('the Space page says what nothing uses and leads to it; what lies in the trash is restored elsewhere or goes for good', async ({
  page,
  strata,
}) => {
  const folder = join(strata.dataDir, 'images');
  const paths = makeChain(folder, 'gone');
  const images = await imagesAt(strata, paths);
  const whole = flatten(paths.active, join(strata.dataDir, 'whole.raw'));
  await page.goto(strata.readyLink);
  await page.goto(`${strata.url}/space`);
  const unused = page.getByRole('region', { name: 'Overlays that nothing uses' });
  await expect(unused.getByText(images.active.name, { exact: true })).toBeVisible();

  // An open page notices what was deleted.
  await strata.ok('DELETE', `/images/${images.active.id}`);
  await expect(unused.getByText(images.active.name, { exact: true })).toHaveCount(0);
  writeFileSync(paths.active, 'taken');
  await page.getByRole('link', { name: `Open the trash: ${images.active.name}` }).click();
  const trash = page.getByRole('dialog', { name: 'Trash' });
  await trash.getByRole('button', { name: 'Restore', exact: true }).click();
  await expect(page.getByText(/exists already/).first()).toBeVisible();
  await trash.getByRole('button', { name: 'Restore elsewhere…' }).click();
  const elsewhere = page.getByRole('dialog', { name: `Restore ${images.active.name}` });
  await elsewhere.getByRole('textbox', { name: 'Name' }).fill('again');
  await elsewhere.getByRole('button', { name: 'Restore', exact: true }).click();
  await expect(trash).toContainText('The trash is empty.');
  await expect.poll(() => existsSync(join(folder, 'again.qcow2'))).toBe(true);
  expectSameContent(whole, join(folder, 'again.qcow2'));
});

test('images are checked together, and moved together with their links', async ({ page, strata }) => {
  const folder = join(strata.dataDir, 'images');
  const second = realpathSync(mkdtempSync(join(tmpdir(), 'strata-second-')));
  secondFolders.push(second);
  const paths = makeChain(folder, 'pile');
  const images = await imagesAt(strata, paths);
  const whole = flatten(paths.active, join(strata.dataDir, 'whole.raw'));
  await strata.ok('POST', '/folders', { path: second });
  await page.goto(strata.readyLink);
  await page.goto(`${strata.url}/library`);
  await page.getByRole('button', { name: 'Check all' }).click();
  await expect
    .poll(async () => (await strata.ok('GET', `/images/${images.base.id}`)).lastCheck?.state)
    .toBe('clean');

  await page.getByRole('checkbox', { name: 'Select all that are shown' }).check();
  await page.getByRole('button', { name: 'Move…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Move', exact: true }).click();
  const at = (path: string): string => join(second, path.split('/').at(-1) ?? '');
  for (const path of Object.values(paths)) await expect.poll(() => existsSync(at(path))).toBe(true);
  await expect.poll(() => existsSync(paths.base) || existsSync(paths.active)).toBe(false);
  await expect.poll(() => backingOf(at(paths.s1))).toBe(paths.base.split('/').at(-1));
  expectSameContent(whole, at(paths.active));
});
