import { expect, test } from '../src/browser.ts';
import { token } from '../src/strata.ts';

test('the ready link opens Strata, and the token leaves the address at once', async ({ page, strata }) => {
  await page.goto(strata.readyLink);
  await expect(page.getByRole('heading', { name: 'VMs', level: 1 })).toBeVisible();
  expect(page.url()).not.toContain(token);
  await expect(page.getByRole('button', { name: /try the demo/i })).toBeVisible();
  await page.reload();
  await expect(page.getByRole('heading', { name: 'VMs', level: 1 })).toBeVisible();
});

test('without a token it asks for one, refuses a wrong one in words and takes the right one', async ({
  page,
  strata,
}) => {
  await page.goto(strata.url);
  await page.getByLabel('Access token').fill('not the token of this Strata');
  await page.getByRole('button', { name: 'Open Strata' }).click();
  await expect(page.getByText(/was not accepted/)).toBeVisible();
  await page.getByLabel('Access token').fill(token);
  await page.getByRole('button', { name: 'Open Strata' }).click();
  await expect(page.getByRole('heading', { name: 'VMs', level: 1 })).toBeVisible();
});

test('every page stands, empty as everything is, wide and narrow', async ({ page, strata }) => {
  await page.goto(strata.readyLink);
  for (const width of [1440, 420]) {
    await page.setViewportSize({ width, height: 900 });
    for (const path of ['/vms', '/vms/new', '/library', '/space', '/operations', '/host']) {
      await page.goto(strata.url + path);
      await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(overflow, `${path} at ${width}`).toBeLessThanOrEqual(0);
    }
  }
});

test('refuses to stand in a frame of another page', async ({ page, strata }) => {
  const headers = (await page.goto(strata.url))?.headers() ?? {};
  expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
  expect(headers['x-frame-options']).toBe('DENY');
});
