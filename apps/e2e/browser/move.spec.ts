import { existsSync, mkdirSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '../src/browser.ts';
import { expectHealthy } from '../src/images.ts';
import { type Json, until } from '../src/strata.ts';

test('the disk of a running VM is moved to another folder from its layer, and the VM runs on', async ({
  page,
  strata,
}) => {
  const vm = await strata.ok('POST', '/vms/demo', { name: 'mover' });
  await strata.ok('POST', `/vms/${vm.id}/start`, {});
  const disk = () => strata.ok('GET', `/images/${vm.disks[0].imageId}`);
  const before = await disk();

  await page.goto(strata.readyLink);
  await page.goto(`${strata.url}/vms/${vm.id}/layers`);
  const grid = page.getByRole('grid');
  await grid.getByRole('row').first().click();
  const dialog = page.getByRole('dialog');
  const open = page.getByRole('complementary', { name: 'Actions' }).getByRole('button', { name: /^Move / });
  await open.click();
  await expect(dialog).toContainText('The library has no other folder');
  await page.keyboard.press('Escape');

  const folder = join(realpathSync(strata.dataDir), '..', `moved-${process.pid}`);
  mkdirSync(folder);
  try {
    await strata.ok('POST', '/folders', { path: folder });
    await open.click();
    await expect(dialog).toContainText('Live: the guest keeps running');
    await expect(dialog).toContainText(`${before.path} goes to ${folder}/`);
    await dialog.getByRole('button', { name: 'Run' }).click();
    await expect(dialog).toBeHidden();
    const isMoved = ({ path }: Json): boolean => path.startsWith(folder) && !existsSync(before.path);
    const moved = await until('the disk is moved', disk, isMoved);
    expect(moved.id).toBe(before.id);
    expect((await strata.ok('GET', `/vms/${vm.id}`)).state).toBe('running');
    await page.getByRole('link', { name: 'Hardware' }).click();
    await expect(page.getByRole('button', { name: 'Move…' }).first()).toBeVisible();
    await strata.ok('POST', `/vms/${vm.id}/poweroff`, {});
    expectHealthy(moved.path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
