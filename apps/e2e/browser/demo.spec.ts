import type { Page } from '@playwright/test';
import { countedBoots, expect, test } from '../src/browser.ts';

const tab = (page: Page, name: string) =>
  page
    .getByRole('navigation', { name: 'Parts of the VM' })
    .getByRole('link', { name: new RegExp(`^${name}`) });

test('demo: boot, snapshot, boot again, revert, and the counter is back', async ({ page, strata }) => {
  await page.goto(strata.readyLink);
  await page.getByRole('button', { name: /try the demo/i }).click();
  await expect(page.getByRole('heading', { name: 'Demo', level: 1 })).toBeVisible();
  const { items } = await strata.ok('GET', '/vms');
  const vm = items[0];
  if (vm.state === 'off') await page.getByRole('button', { name: 'Start' }).first().click();

  await tab(page, 'Console').click();
  await page.getByText('Serial', { exact: true }).click();
  await expect.poll(() => countedBoots(page)).toBe(1);

  await page.getByRole('button', { name: 'Take snapshot' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('one boot');
  await dialog.getByRole('button', { name: /take/i }).click();
  await expect(dialog).toBeHidden();
  await expect.poll(async () => (await strata.ok('GET', `/vms/${vm.id}`)).snapshotCount).toBe(3);

  await strata.ok('POST', `/vms/${vm.id}/reset`);
  await expect.poll(() => countedBoots(page)).toBe(2);

  await tab(page, 'Snapshots').click();
  await page.getByRole('treeitem', { name: /one boot/ }).click();
  await page.getByRole('button', { name: /^Revert/ }).click();
  const plan = page.getByRole('dialog');
  await expect(plan.getByRole('checkbox', { name: /keep/i })).toBeChecked();
  await plan.getByRole('button', { name: /^(Run|Revert)/ }).click();
  await expect
    .poll(
      async () =>
        (await strata.ok('GET', '/operations')).items.find(
          (seen: { kind: string }) => seen.kind === 'snapshot-revert',
        )?.state,
    )
    .toBe('done');

  await tab(page, 'Console').click();
  await page.getByText('Serial', { exact: true }).click();
  // Booted once after the moment of the snapshot, in which one boot had been counted: two again, not three.
  await expect.poll(() => countedBoots(page)).toBe(2);
  await tab(page, 'Snapshots').click();
  await expect(page.getByText(/^before revert/i).first()).toBeVisible();
  await expect(page.getByText('You are here')).toBeVisible();
});
