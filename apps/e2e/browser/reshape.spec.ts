import { join } from 'node:path';
import { expect, test } from '../src/browser.ts';
import { expectSameContent, flatten, imagesAt, makeChain, write } from '../src/images.ts';

test('a layer in the middle is deleted from its card, which prices both ways, and another is rebased', async ({
  page,
  strata,
}) => {
  const paths = makeChain(join(strata.dataDir, 'images'), 'ui');
  const images = await imagesAt(strata, paths);
  const other = await strata.ok('POST', '/images', { name: 'fresh base', format: 'qcow2', size: '64M' });
  const whole = flatten(paths.active, join(strata.dataDir, 'whole.raw'));
  await page.goto(strata.readyLink);
  await page.goto(`${strata.url}/library/${images.active.id}`);

  const grid = page.getByRole('grid');
  await expect(grid.getByRole('row')).toHaveCount(5);
  await grid.getByRole('row', { name: new RegExp(`^${images.s2.name}`) }).click();
  const actions = page.getByRole('complementary', { name: 'Actions' });
  const card = actions.getByRole('button', { name: new RegExp(`^Delete ${images.s2.name}`) });
  await expect(card).toContainText(/by (committing it down|pulling it up)/);
  await expect(card).toContainText(/or by (committing it down|pulling it up): moves/);
  await card.click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('Up (pull)').click();
  await expect(dialog).toContainText('deleted, file to the trash');
  await dialog.getByRole('button', { name: /^Run/ }).click();
  await expect(dialog).toBeHidden();
  await expect(grid.getByRole('row')).toHaveCount(4, { timeout: 30_000 });
  expectSameContent(whole, paths.active);

  await grid.getByRole('row', { name: new RegExp(`^${images.s1.name}`) }).click();
  await actions.getByRole('button', { name: /^Rebase/ }).click();
  await expect(dialog.getByRole('button', { name: /^Run/ })).toBeDisabled();
  await dialog.getByRole('combobox', { name: 'Stand on' }).click();
  await page.getByRole('option', { name: other.name }).click();
  await expect(dialog).toContainText(`${images.s1.name} then stands on ${other.name}`);
  await dialog.getByRole('button', { name: /^Run/ }).click();
  await expect(dialog).toBeHidden();
  await expect(grid.getByRole('row').last()).toContainText(other.name, { timeout: 30_000 });
  expectSameContent(whole, paths.active);
});

test('a layer is compacted from its card: what comes back is said before, and drawn', async ({
  page,
  strata,
}) => {
  const paths = makeChain(join(strata.dataDir, 'images'), 'zeros');
  write(paths.s2, 20, 12, 0);
  const images = await imagesAt(strata, paths);
  const whole = flatten(paths.active, join(strata.dataDir, 'whole.raw'));
  await page.goto(strata.readyLink);
  await page.goto(`${strata.url}/library/${images.active.id}`);
  await page
    .getByRole('grid')
    .getByRole('row', { name: new RegExp(`^${images.s2.name}`) })
    .click();
  const actions = page.getByRole('complementary', { name: 'Actions' });
  await actions.getByRole('button', { name: /^Compact/ }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('exactly, to the cluster');
  await expect(dialog).toContainText(/gives back 1\d(\.\d+)? MiB/);
  await dialog.getByRole('button', { name: /^Run/ }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByText(/Last: Compact/)).toBeVisible({ timeout: 30_000 });
  await actions.getByRole('button', { name: /^Compact/ }).click();
  await expect(dialog).toContainText('There is nothing to give back', { timeout: 30_000 });
  expectSameContent(whole, paths.active);
});

test('a VM continues on another branch, from the view of that branch', async ({ page, strata }) => {
  const paths = makeChain(join(strata.dataDir, 'images'), 'go');
  const images = await imagesAt(strata, paths);
  const branch = await strata.ok('POST', '/images', { name: 'other way', backing: images.s1.id });
  const vm = await strata.ok('POST', '/vms', { name: 'Traveller', disks: [{ imageId: images.active.id }] });
  await page.goto(strata.readyLink);
  await page.goto(`${strata.url}/vms/${vm.id}/layers`);
  await page.getByRole('button', { name: 'Show the branch other way' }).click();
  await page.getByRole('button', { name: 'Let “Traveller” continue here…' }).first().click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('stays as a branch');
  await dialog.getByText('Keep what it leaves as a snapshot').click();
  await expect(dialog).toContainText('is kept as “Before continuing on other way”');
  await expect(dialog).toContainText('active layer of Traveller');
  await dialog.getByRole('button', { name: /^Run/ }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByRole('grid').getByRole('row').first()).toContainText('the VM writes here', {
    timeout: 30_000,
  });
  expect((await strata.ok('GET', `/vms/${vm.id}`)).disks[0].imageId).toBe(branch.id);
});
