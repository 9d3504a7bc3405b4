import type { Page } from '@playwright/test';
import { countedBoots, expect, test } from '../src/browser.ts';
import { openSerial } from '../src/serial.ts';
import type { Strata } from '../src/strata.ts';

const tab = (page: Page, name: string) =>
  page
    .getByRole('navigation', { name: 'Parts of the VM' })
    .getByRole('link', { name: new RegExp(`^${name}`) });

const revertTo = async (page: Page, name: RegExp): Promise<void> => {
  await page.getByRole('treeitem', { name }).first().click();
  await page.getByRole('button', { name: /^Revert/ }).click();
  const plan = page.getByRole('dialog');
  await expect(plan.getByRole('checkbox', { name: /keep/i })).toBeChecked();
  await plan.getByRole('button', { name: /^(Run|Revert)/ }).click();
};

/** Every number the demo has counted on any of its branches, one a boot: what the page shows last may be an old one. */
const everyCount = async (strata: Strata, vmId: string): Promise<number[]> => {
  const serial = await openSerial(strata, vmId);
  const said = await serial.until(/counted on this disk: *\d+\D/i);
  serial.close();
  return [...said.matchAll(/counted on this disk: *(\d+)\D/gi)].map(([, count]) => Number(count));
};

/** How the reverts so far have ended. */
const reverts = async (strata: Strata): Promise<string[]> =>
  (await strata.ok('GET', '/operations')).items
    .filter(({ kind }: { kind: string }) => kind === 'snapshot-revert')
    .map(({ state }: { state: string }) => state);

test('demo: boot, snapshot, boot again, revert, and the counter is back; on two branches it differs', async ({
  page,
  strata,
}) => {
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
  await revertTo(page, /one boot/);
  await expect.poll(() => reverts(strata)).toEqual(['done']);

  await tab(page, 'Console').click();
  await page.getByText('Serial', { exact: true }).click();
  // Booted once after the moment of the snapshot, in which one boot had been counted: two again, not three.
  await expect.poll(() => everyCount(strata, vm.id)).toEqual([1, 2, 2]);
  await expect.poll(() => countedBoots(page)).toBe(2);
  await tab(page, 'Snapshots').click();
  await expect(page.getByText(/^before revert/i).first()).toBeVisible();
  await expect(page.getByRole('treeitem', { name: /You are here/ })).toBeVisible();

  // On this branch it goes on to four; on the one that was left, where two were counted, three follow.
  await tab(page, 'Console').click();
  await page.getByText('Serial', { exact: true }).click();
  for (const boots of [3, 4]) {
    await strata.ok('POST', `/vms/${vm.id}/reset`);
    await expect.poll(() => countedBoots(page)).toBe(boots);
  }
  await tab(page, 'Snapshots').click();
  await revertTo(page, /^.*before revert/i);
  await expect.poll(() => reverts(strata)).toEqual(['done', 'done']);
  await tab(page, 'Console').click();
  await page.getByText('Serial', { exact: true }).click();
  await expect.poll(() => everyCount(strata, vm.id)).toEqual([1, 2, 2, 3, 4, 3]);
  await expect.poll(() => countedBoots(page)).toBe(3);
});
