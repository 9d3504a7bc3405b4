import { coloursOnScreen, expect, test } from '../src/browser.ts';
import { disposeStrata, startStrata, startTimeOf } from '../src/strata.ts';

test('the server is killed and comes back under an open page: the page recovers, the VM never stopped', async ({
  page,
}) => {
  let strata = await startStrata();
  const port = Number(new URL(strata.url).port);
  const vm = await strata.ok('POST', '/vms/demo', {});
  const { pid } = await strata.ok('POST', `/vms/${vm.id}/start`);
  const startTime = startTimeOf(pid);
  await page.goto(strata.readyLink);
  await page.goto(`${strata.url}/vms/${vm.id}/console`);
  await expect.poll(() => coloursOnScreen(page)).toBeGreaterThan(1);

  await strata.kill();
  await expect(page.getByText(/not reachable/)).toBeVisible();
  strata = await startStrata({ dataDir: strata.dataDir, port });

  await expect(page.getByText(/not reachable/)).toBeHidden({ timeout: 60_000 });
  await expect.poll(() => coloursOnScreen(page), { timeout: 60_000 }).toBeGreaterThan(1);
  expect(startTimeOf(pid)).toBe(startTime);
  await strata.ok('POST', `/vms/${vm.id}/pause`);
  await expect(page.getByRole('main').getByText('paused').first()).toBeVisible();
  await disposeStrata(strata);
});
