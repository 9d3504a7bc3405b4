import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
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

test('a VHD is booted without changing it, from the button among its details', async ({ page, strata }) => {
  const path = join(strata.dataDir, 'images', 'vendor.vhd');
  execFileSync('qemu-img', ['create', '-q', '-f', 'vpc', path, '16M'], { stdio: 'pipe' });
  await strata.ok('POST', '/folders/scan');
  await page.goto(strata.readyLink);
  await page.goto(`${strata.url}/library`);
  await page.getByRole('button', { name: 'Details of vendor.vhd' }).click();
  await page.getByRole('button', { name: 'Boot without changing it' }).click();
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'vendor' })).toBeVisible();
  const [{ disks }] = (await strata.ok('GET', '/vms')).items;
  const layer = await strata.ok('GET', `/images/${disks[0].imageId}`);
  expect(layer).toMatchObject({ format: 'qcow2', backing: { path, state: 'ok' } });
});

test('a VM starts from a disk that another Strata exports', async ({ page, strata }) => {
  const { id } = await strata.ok('POST', '/images', { name: 'served', format: 'raw', size: '16M' });
  const { uri } = await strata.ok('POST', '/exports', { imageId: id });
  await page.goto(strata.readyLink);
  await page.goto(`${strata.url}/vms/new`);
  await page.getByRole('radio', { name: /A network disk/ }).check({ force: true });
  await expect(page.getByRole('button', { name: 'Create', exact: true })).toBeDisabled();
  await page.getByRole('textbox', { name: 'Address' }).fill(uri);
  await page.getByRole('textbox', { name: 'Name' }).fill('diskless');
  await page.getByRole('button', { name: 'Create and start' }).click();
  await expect(page.getByRole('heading', { name: 'diskless' })).toBeVisible();
  const vm = async () => (await strata.ok('GET', '/vms')).items[0];
  await expect.poll(async () => (await vm()).state, { timeout: 60_000 }).toBe('running');
  expect(await vm()).toMatchObject({ disks: [], nbdDisks: [{ uri, readOnly: true }] });
});
