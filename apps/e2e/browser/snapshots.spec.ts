import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { expect, test } from '../src/browser.ts';
import { expectSameContent, flatten } from '../src/images.ts';
import { addSnapshots } from '../src/many-snapshots.ts';
import { disposeStrata, startStrata } from '../src/strata.ts';

const item = (page: Page, name: string | RegExp) => page.getByRole('treeitem', { name });
const selected = (page: Page) => page.getByRole('treeitem', { selected: true });

test('a tree of five hundred snapshots: drawn as far as it is seen, walked, searched, folded, never wider than the window', async ({
  page,
}) => {
  let strata = await startStrata();
  const vm = await strata.ok('POST', '/vms/demo', {});
  const { tree } = await strata.ok('GET', `/vms/${vm.id}/snapshots`);
  await strata.stop();
  addSnapshots(strata.dataDir, tree[0].children[0].id, 498);
  strata = await startStrata({ dataDir: strata.dataDir });
  await page.goto(strata.readyLink);
  await page.goto(`${strata.url}/vms/${vm.id}/snapshots`);

  const drawn = page.getByRole('treeitem');
  await expect(page.getByRole('heading', { name: '500 snapshots' })).toBeVisible();
  await expect(item(page, /You are here/)).toBeInViewport();
  expect(await drawn.count()).toBeLessThan(60);

  await page.getByRole('tree').focus();
  await page.keyboard.press('Home');
  await expect(selected(page)).toHaveAccessibleName(/Fresh disk/);
  await page.keyboard.press('ArrowDown');
  await expect(selected(page)).toHaveAccessibleName(/More data/);
  await page.keyboard.press('ArrowLeft');
  await expect(selected(page)).toHaveAccessibleName(/498 more, and you/);
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('p');
  await expect(selected(page)).toHaveAccessibleName(/point 1 /);
  await page.getByLabel('Find a snapshot').fill('point 498');
  await item(page, /point 498/).click();
  await page.getByRole('button', { name: 'Show all' }).click();
  await expect(selected(page)).toHaveAccessibleName(/point 498/);
  await expect(selected(page)).toBeInViewport();
  await expect(page).toHaveURL(/snapshot=many00000498/);
  await page.reload();
  await expect(selected(page)).toHaveAccessibleName(/point 498/);
  await expect(selected(page)).toBeInViewport();
  await page.getByRole('tree').focus();
  await page.keyboard.press('End');
  await expect(selected(page)).toHaveAccessibleName(/You are here/);

  await page.getByLabel('Find a snapshot').fill('point 49');
  await expect(page.getByRole('heading', { name: '10 of 500 snapshots' })).toBeVisible();
  await expect(drawn).toHaveCount(11);
  await page.getByRole('button', { name: 'Show all' }).click();

  await page.getByRole('button', { name: 'Fold side branches' }).click();
  await expect(page.getByRole('treeitem', { expanded: false }).first()).toBeAttached();
  await page.getByRole('button', { name: 'Unfold all' }).click();
  await expect(page.getByRole('treeitem', { expanded: false })).toHaveCount(0);

  await page.setViewportSize({ width: 390, height: 844 });
  const overhang = await page
    .getByRole('tree')
    .evaluate((element) => element.scrollWidth - element.clientWidth);
  expect(overhang).toBe(0);
  await disposeStrata(strata);
});

test('what is selected in the tree is marked among the layers, and a mark there leads back', async ({
  page,
  strata,
}) => {
  const vm = await strata.ok('POST', '/vms/demo', {});
  await page.goto(strata.readyLink);
  await page.goto(`${strata.url}/vms/${vm.id}/snapshots`);
  const parts = page.getByRole('navigation', { name: 'Parts of the VM' });

  await item(page, /Fresh disk/).click();
  await parts.getByRole('link', { name: 'Layers' }).click();
  await expect(page.getByRole('row', { selected: true })).toHaveCount(1);
  await expect(page.getByRole('row', { selected: true })).toContainText('Fresh disk');
  await page.getByRole('row', { name: /More data/ }).click();
  await expect(page).toHaveURL(/layer=/);
  await parts.getByRole('link', { name: /^Snapshots/ }).click();
  await expect(selected(page)).toHaveAccessibleName(/More data/);
  await parts.getByRole('link', { name: 'Layers' }).click();
  await page.getByRole('link', { name: 'Fresh disk' }).click();
  await expect(selected(page)).toHaveAccessibleName(/Fresh disk/);

  // Its name and description, in place.
  await page.getByRole('tree').focus();
  await page.keyboard.press('F2');
  await page.getByLabel('Description').fill('the very first');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(selected(page)).toHaveAccessibleName(/the very first/);
});

test('a snapshot is deleted by key: its ways with their prices, what is lost in red, and every byte above it stays; what is left is compared', async ({
  page,
  strata,
}) => {
  const vm = await strata.ok('POST', '/vms/demo', {});
  await strata.ok('POST', `/vms/${vm.id}/snapshots?wait=30`, { name: 'third' });
  const { disks } = await strata.ok('GET', `/vms/${vm.id}`);
  const active = await strata.ok('GET', `/images/${disks[0].imageId}`);
  const whole = flatten(active.path, join(strata.dataDir, 'whole.raw'));
  await page.goto(strata.readyLink);
  await page.goto(`${strata.url}/vms/${vm.id}/snapshots`);

  await item(page, /third/).click();
  await page.getByRole('tree').focus();
  await page.keyboard.press('ArrowUp');
  await expect(selected(page)).toHaveAccessibleName(/More data/);
  await page.keyboard.press('Delete');
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByRole('radio', { name: /Pull up/ })).toContainText(/moves .*frees/);
  await expect(dialog.getByRole('radio', { name: /Only forget it/ })).toContainText(/frees nothing/);
  await expect(dialog).toContainText('Loses 1 restore point');
  await dialog.getByRole('radio', { name: /Pull up/ }).click();
  await dialog.getByRole('button', { name: /^Run/ }).click();
  await expect(dialog).toBeHidden();
  await expect(item(page, /More data/)).toHaveCount(0, { timeout: 60_000 });
  await expect(item(page, /third/)).toHaveCount(1);
  const after = await strata.ok('GET', `/vms/${vm.id}`);
  expectSameContent(whole, (await strata.ok('GET', `/images/${after.disks[0].imageId}`)).path);

  // Several: one and what lies between two.
  await item(page, /Fresh disk/).click();
  await item(page, /third/).click({ modifiers: ['Control'] });
  await expect(page.getByRole('heading', { name: '2 snapshots selected' })).toBeVisible();

  // The same two, compared: at once at most, then by reading.
  await page.getByRole('button', { name: 'Compare…' }).click();
  const disk = dialog.getByRole('region', { name: /vda/ });
  await expect(disk).toContainText(/at most .* differ/);
  await expect(disk.getByRole('img', { name: /between “Fresh disk” and “third”/ })).toBeVisible();
  await disk.getByRole('button', { name: 'Compare the contents' }).click();
  await expect(disk).not.toContainText('at most');
  await expect(disk).toContainText(/\d .* of .* differ/);
});

test('what cannot be deleted says why by the names of the snapshots; the reserve is used when one says so; a number that is none is marked; on a phone a bar leads to the details', async ({
  page,
  strata,
}) => {
  const vm = await strata.ok('POST', '/vms/demo', {});
  for (const [name, kind] of [
    ['below', 'external'],
    ['mail is up', 'internal'],
    ['above', 'external'],
  ])
    await strata.ok('POST', `/vms/${vm.id}/snapshots?wait=30`, { name, kind });
  await page.goto(strata.readyLink);
  await page.goto(`${strata.url}/vms/${vm.id}/snapshots`);
  const dialog = page.getByRole('dialog');
  const details = page.getByRole('complementary', { name: /Details/ });

  // Its layer has the tag of another above it: neither the tree nor the details promise anything.
  await item(page, /^Disks only below/).click();
  await expect(details).toContainText(/not possible now\..*holds internal snapshots \(“mail is up”\)/);
  await expect(details).not.toContainText('Deleting frees');
  await page.getByRole('button', { name: 'Delete…' }).click();
  await expect(dialog.getByRole('alert')).toContainText('“mail is up”');
  await expect(dialog).not.toContainText('strata-mail');
  await expect(dialog.getByText('Frees', { exact: true })).toHaveCount(0);
  await dialog.getByRole('button', { name: 'Not now' }).click();

  // As many as there are, and none: nothing to do, in words.
  await page.getByRole('button', { name: 'Thin out…' }).click();
  const run = dialog.getByRole('button', { name: /^Run/ });
  await dialog.getByLabel('How many stay').fill('5');
  await expect(dialog.getByRole('status')).toContainText('does not have more than 5 snapshots');
  await expect(run).toHaveAttribute('aria-disabled', 'true');
  await dialog.getByLabel('How many stay').fill('');
  await expect(dialog).toContainText('A whole number from 0 to 1000.');
  await expect(run).toHaveAttribute('aria-disabled', 'true');
  await dialog.getByRole('button', { name: 'Not now' }).click();
  await page.getByRole('button', { name: 'Schedule…' }).click();
  await dialog.getByLabel('Every', { exact: true }).fill('');
  await expect(dialog).toContainText('A whole number from 1 to 1000.');
  await expect(dialog.getByRole('button', { name: 'Save' })).toHaveAttribute('aria-disabled', 'true');
  await dialog.getByRole('button', { name: 'Cancel' }).click();

  // A file system that has room only in its reserve: told by the plan, changed on its way, and allowed by a tick.
  const path = `**/api/v1/vms/${vm.id}/snapshots/delete`;
  const bodies: { plan?: boolean; useReserve?: boolean }[] = [];
  await page.route(path, async (route) => {
    bodies.push(route.request().postDataJSON());
    const response = await route.fetch();
    const answer = await response.json();
    const spaces = answer.spaces?.map((space: object) => ({ ...space, needed: 50, free: 100, reserve: 80 }));
    await route.fulfill({ response, json: spaces === undefined ? answer : { ...answer, spaces } });
  });
  await item(page, /More data/).click();
  await page.getByRole('button', { name: 'Delete…' }).click();
  await expect(run).toHaveAttribute('aria-disabled', 'true');
  await dialog.getByRole('checkbox', { name: 'Use the reserve' }).check();
  await run.click();
  await expect(dialog).toBeHidden();
  await expect(item(page, /More data/)).toHaveCount(0, { timeout: 60_000 });
  expect(bodies.at(-1)).toMatchObject({ useReserve: true });

  await page.setViewportSize({ width: 390, height: 844 });
  await item(page, /Fresh disk/).click();
  const bar = page.getByRole('region', { name: 'Selection' });
  await expect(bar).toContainText('Fresh disk');
  await bar.getByRole('button', { name: 'Details' }).click();
  await expect(details.getByRole('heading', { name: 'Fresh disk' })).toBeInViewport();
  await details.getByRole('button', { name: 'Revert…' }).click();
  await expect(dialog.getByRole('button', { name: 'Run' })).toBeInViewport({ ratio: 1 });
  await dialog.getByRole('button', { name: 'Not now' }).click();
  await details.getByRole('button', { name: 'Back to the tree' }).click();
  await expect(page.getByRole('tree')).toBeFocused();
  await bar.getByRole('button', { name: 'Several' }).click();
  await item(page, /^Disks only below/).click();
  await expect(bar).toContainText('2 snapshots selected');
});

test('a tag that another tool wrote is adopted into the tree; one with memory is taken, and says how long the guest stood', async ({
  page,
  strata,
}) => {
  const vm = await strata.ok('POST', '/vms/demo', {});
  const active = await strata.ok('GET', `/images/${vm.disks[0].imageId}`);
  execFileSync('qemu-img', ['snapshot', '-c', 'by hand', active.path]);
  await page.goto(strata.readyLink);
  await page.goto(`${strata.url}/vms/${vm.id}/snapshots`);

  const found = page.getByRole('region', { name: 'Made by other tools' });
  await expect(found).toContainText('by hand');
  await found.getByRole('button', { name: 'Adopt “by hand”' }).click();
  await expect(selected(page)).toHaveAccessibleName(/by hand/);
  await expect(selected(page)).toHaveAccessibleName(/Made by another tool/);
  await expect(found).toHaveCount(0);

  await strata.ok('POST', `/vms/${vm.id}/start`);
  await page.getByRole('button', { name: 'Take snapshot' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('at work');
  await dialog.getByRole('radio', { name: /Inside the image, with memory/ }).click();
  await expect(dialog).toContainText(/of memory, inside the image/);
  await dialog.getByRole('button', { name: 'Take it' }).click();
  await expect(
    page.getByText(/“at work” is taken: with memory, exact moment, guest stopped for/),
  ).toBeVisible();
  // The keyboard is where it was, after a dialog that a button opened and after one that a menu did.
  await expect(page.getByRole('button', { name: 'Take snapshot' })).toBeFocused();
  await page.getByRole('button', { name: 'Show it' }).click();
  await expect(selected(page)).toHaveAccessibleName(/at work/);
  const power = page.getByRole('button', { name: 'Other ways to stop or hold' });
  await power.click();
  await page.getByRole('menuitem', { name: 'Power off' }).click();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await expect(power).toBeFocused();

  // With what is now, by the tables of the one file that holds both.
  await page.getByRole('button', { name: 'Compare…' }).click();
  await expect(dialog.getByRole('region', { name: /Disk/ })).toContainText('nothing differs');
  await page.keyboard.press('Escape');
  await expect(dialog).toHaveCount(0);
  // A new VM of that moment is a copy: an overlay would show what the layer shows now.
  await page.getByRole('button', { name: 'Branch a new VM…' }).click();
  await expect(dialog.getByRole('radio', { name: /^Linked/ })).toBeDisabled();
  await expect(dialog.getByRole('radio', { name: /^Full copy/ })).toBeChecked();
  await page.keyboard.press('Escape');
  await expect(dialog).toHaveCount(0);

  // What it says before a revert is what happens: its memory goes into the QEMU that runs.
  await page.getByRole('button', { name: 'Revert…' }).click();
  await expect(dialog).toContainText('The same layers show again what they held then');
  await expect(dialog).not.toContainText('powered off');
  await dialog.getByRole('checkbox', { name: /keep the current state/i }).uncheck();
  await expect(dialog).toContainText('What it holds now is gone');
  await dialog.getByRole('button', { name: 'Not now' }).click();
  await expect(page.getByRole('complementary', { name: /Details/ })).toContainText(/1 CPU, 32 MiB, BIOS/);

  // Automatic ones are off until somebody wishes for them.
  const schedule = page.getByRole('region', { name: 'Automatic snapshots' });
  await expect(schedule).toContainText('No automatic snapshots');
  await schedule.getByRole('button', { name: 'Schedule…' }).click();
  await dialog.getByRole('switch', { name: 'Take snapshots automatically' }).check();
  await dialog.getByLabel('Every', { exact: true }).fill('3');
  await dialog.getByLabel('How many stay').fill('5');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(schedule).toContainText(/Every 3 days, the last 5 stay · next in/);
  expect(await strata.ok('GET', `/vms/${vm.id}/snapshots/schedule`)).toMatchObject({
    enabled: true,
    every: { count: 3, unit: 'days' },
    keep: 5,
  });
});
