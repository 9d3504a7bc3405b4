import { join } from 'node:path';
import { expect, test } from '../src/browser.ts';
import { expectSameContent, flatten, imagesAt, makeChain } from '../src/images.ts';

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

test('layers are moved by keys and by dragging, each with its plan first, and the drawing follows the work', async ({
  page,
  strata,
}) => {
  const paths = makeChain(join(strata.dataDir, 'images'), 'move');
  const images = await imagesAt(strata, paths);
  const whole = flatten(paths.active, join(strata.dataDir, 'whole.raw'));
  await page.goto(strata.readyLink);
  await page.goto(`${strata.url}/library/${images.active.id}`);
  const grid = page.getByRole('grid');
  const row = (name: keyof typeof images) =>
    grid.getByRole('row', { name: new RegExp(`^${images[name].name}`) });
  const dialog = page.getByRole('dialog');

  await row('s2').focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('complementary', { name: 'Actions' }).locator(':focus')).toBeVisible();
  await row('s2').focus();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Alt+ArrowDown');
  await expect(dialog).toContainText(`Commit ${images.s2.name} into ${images.s1.name}`);
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await row('base').focus();
  await page.keyboard.press('Alt+ArrowDown');
  await expect(page.getByRole('status').filter({ hasText: 'There is no layer there.' })).toBeAttached();

  // The run that is selected goes along; letting go of it elsewhere than on a layer, or Escape, does nothing.
  const middle = async (name: keyof typeof images) => {
    const box = await row(name).boundingBox();
    if (box === null) throw new Error(`${name} is not drawn`);
    return [box.x + 120, box.y + 20] as const;
  };
  await row('s2').click();
  await row('s1').click({ modifiers: ['Shift'] });
  await page.mouse.move(...(await middle('s1')));
  await page.mouse.down();
  await page.mouse.move(...(await middle('s3')), { steps: 4 });
  const label = page.getByText(/^copies /).last();
  await expect(row('s3')).toHaveAttribute('data-drop', 'target');
  await expect(label).toBeVisible();
  await page.keyboard.press('Escape');
  await page.mouse.up();
  await expect(dialog).toBeHidden();
  await page.mouse.move(...(await middle('s1')));
  await page.mouse.down();
  await page.mouse.move(...(await middle('s3')), { steps: 4 });
  await page.mouse.up();
  await expect(dialog).toContainText(`Pull both up into ${images.s3.name}`);
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();

  // A deletion, slowly: an arrow fills above what it takes its data from, and the strips follow.
  const request = { operation: 'delete', imageId: images.s2.id, mode: 'pull' };
  const { fingerprint } = await strata.ok('POST', '/chains/plan', request);
  const strip = row('s3').getByRole('img');
  const before = (await strip.getAttribute('aria-label')) ?? '';
  const operation = await strata.ok('POST', '/chains/run', {
    ...request,
    fingerprint,
    bytesPerSecond: 2 * 1024 ** 2,
  });
  const arrow = grid.getByRole('progressbar', { name: operation.title });
  await expect(arrow).toHaveAttribute('data-direction', 'up');
  await expect(page.getByRole('status').filter({ hasText: operation.title })).toBeAttached();
  await expect(strip).not.toHaveAttribute('aria-label', before, { timeout: 20_000 });
  await expect(grid.getByRole('button', { name: 'Pause' })).toBeVisible();
  await strata.ok('PATCH', `/operations/${operation.id}`, { bytesPerSecond: 0 });
  await expect(grid.getByRole('row')).toHaveCount(4, { timeout: 30_000 });
  expectSameContent(whole, paths.active);
});
