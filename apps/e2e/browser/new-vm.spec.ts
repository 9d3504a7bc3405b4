import { coloursOnScreen, expect, test } from '../src/browser.ts';

test('a VM is made on one page, and its console paints', async ({ page, strata }) => {
  await page.goto(strata.readyLink);
  await page.getByRole('link', { name: 'New VM' }).first().click();
  await page.getByRole('radio', { name: /An empty disk/ }).check({ force: true });
  await page.getByRole('textbox', { name: 'Name' }).fill('first of all');
  await page.getByLabel('Memory').fill('128 MiB');
  await expect(page.getByText(/qemu-system-x86_64/)).toBeVisible();
  await page.getByRole('button', { name: 'Create and start' }).click();

  await expect(page.getByRole('heading', { name: 'first of all' })).toBeVisible();
  await expect(page.locator('canvas').first()).toBeVisible();
  await expect.poll(() => coloursOnScreen(page), { timeout: 30_000 }).toBeGreaterThan(1);
  const { items } = await strata.ok('GET', '/vms');
  expect(items[0]).toMatchObject({ name: 'first of all', state: 'running', memory: 128 * 1024 ** 2 });
});

test('a name that is taken is said at the field, and nothing is made', async ({ page, strata }) => {
  await strata.ok('POST', '/vms', { name: 'twin' });
  await page.goto(strata.readyLink);
  await page.goto(`${strata.url}/vms/new`);
  await page.getByRole('radio', { name: /An empty disk/ }).check({ force: true });
  await page.getByRole('textbox', { name: 'Name' }).fill('twin');
  await expect(
    page
      .getByText(/twin/)
      .and(page.getByText(/taken|already/i))
      .first(),
  ).toBeVisible();
  await expect(page.getByRole('button', { name: 'Create', exact: true })).toBeDisabled();
  expect((await strata.ok('GET', '/vms')).total).toBe(1);
  expect((await strata.ok('GET', '/images')).total).toBe(0);
});
