import { join } from 'node:path';
import { expect, test } from '../src/browser.ts';
import { expectSameContent, flatten } from '../src/images.ts';

test('a commit in the Layers tab: its price, its plan, its progress, and the drawing afterwards', async ({
  page,
  strata,
}) => {
  const vm = await strata.ok('POST', '/vms/demo', {});
  const { layers } = await strata.ok('GET', `/images/${vm.disks[0].imageId}/chain`);
  const [active, layer] = layers;
  const whole = flatten(active.path, join(strata.dataDir, 'whole.raw'));
  await page.goto(strata.readyLink);
  await page.goto(`${strata.url}/vms/${vm.id}/layers`);

  const grid = page.getByRole('grid');
  await expect(grid.getByRole('row')).toHaveCount(3);
  await grid.getByRole('row', { name: new RegExp(`^${active.name}`) }).click();
  const actions = page.getByRole('complementary', { name: 'Actions' });
  const commit = actions.getByRole('button', {
    name: new RegExp(`Commit ${active.name} into ${layer.name}`),
  });
  await expect(commit).toContainText(/moves/);
  await expect(commit).toContainText(/loses the restore point/);
  const impossible = actions.getByRole('button', { name: /Commit both into/ });
  await expect(impossible).toContainText(/Demo-branch/);
  await expect(impossible).toBeDisabled();
  await commit.click();

  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('merged, file deleted');
  await expect(dialog).toContainText(active.path);
  await dialog.getByRole('button', { name: /^Run/ }).click();
  await expect(dialog).toBeHidden();

  await expect(grid.getByRole('row')).toHaveCount(2, { timeout: 30_000 });
  await expect(grid.getByRole('row').first()).toContainText(layer.name);
  const after = await strata.ok('GET', `/vms/${vm.id}`);
  expect(after.disks[0].imageId).toBe(layer.id);
  expectSameContent(whole, layer.path);
});
