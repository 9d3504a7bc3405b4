import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '../src/browser.ts';
import { writePowerButtonGuest } from '../src/power-button-guest.ts';
import { until } from '../src/strata.ts';

let folder: string;
test.beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'strata-foreign-')));
});
test.afterEach(() => rmSync(folder, { recursive: true }));

test('an adoption that a running VM blocks has a button that shuts it down, and is then no longer blocked', async ({
  page,
  strata,
}) => {
  const disk = join(folder, 'guest.raw');
  writePowerButtonGuest(disk);
  const image = await strata.ok('POST', '/images/import', { path: disk, mode: 'register' });
  const vm = await strata.ok('POST', '/vms', { name: 'busy', memory: '64M', disks: [{ imageId: image.id }] });
  await strata.ok('POST', `/vms/${vm.id}/start`);

  await page.goto(strata.readyLink);
  await page.goto(`${strata.url}/library`);
  await page.getByRole('button', { name: 'Folders' }).click();
  await page.getByRole('textbox', { name: 'Register a folder' }).fill(folder);
  await page.getByRole('button', { name: 'Adopt with its chains…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Adopt a folder of other tools' });
  await dialog.getByText('Move in', { exact: true }).click();
  await expect(dialog.getByRole('alert')).toContainText(
    'The VM “busy” runs on images that would be changed.',
  );
  await dialog.getByRole('button', { name: 'Shut down “busy”' }).click();
  await expect(dialog.getByRole('alert')).toBeHidden({ timeout: 60_000 });

  await dialog.getByRole('button', { name: 'Adopt', exact: true }).click();
  await expect(dialog).toBeHidden();
  const moved = await until(
    'the image lies in the library',
    () => strata.ok('GET', `/images/${image.id}`),
    ({ path }) => path === join(strata.dataDir, 'images', 'guest.raw'),
  );
  expect(moved.problems).toEqual([]);
});
