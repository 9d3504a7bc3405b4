import { copyFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '../src/browser.ts';
import { backingOf, expectSameContent, flatten, imagesAt, makeChain } from '../src/images.ts';
import { until } from '../src/strata.ts';

/** The heading of the problems, of one or of several. */
const anyProblem = /image has a problem|images have problems/;

test('a base that was moved stands among the problems, is found, and relinked by its button; an orphan is left alone', async ({
  page,
  strata,
}) => {
  const folder = join(strata.dataDir, 'images');
  const paths = makeChain(folder, 'ui');
  // A second overlay of the same base: it is mended in the same operation.
  const twig = join(folder, 'ui-twig.qcow2');
  copyFileSync(paths.s1, twig);
  const images = await imagesAt(strata, paths);
  const whole = flatten(paths.active, join(strata.dataDir, 'whole.raw'));
  await until(
    'Strata has noted what the overlay stands on',
    () => strata.ok('GET', `/images/${images.s1.id}/repair`),
    () => true,
  );
  const moved = join(folder, 'moved.qcow2');
  renameSync(paths.base, moved);
  await strata.ok('POST', '/folders/scan');

  await page.goto(strata.readyLink);
  await page.goto(`${strata.url}/library`);
  await page.getByRole('button', { name: `Repair ${images.s1.name}` }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('It is the lost file itself under another name, unchanged.');
  await expect(dialog.getByLabel('Point the other overlay that has lost it there as well')).toBeChecked();
  await dialog.getByRole('button', { name: 'Point it there' }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByText(anyProblem)).toBeHidden({ timeout: 30_000 });
  await expect.poll(() => backingOf(paths.s1)).toBe('moved.qcow2');
  await expect.poll(() => backingOf(twig)).toBe('moved.qcow2');
  expectSameContent(whole, paths.active);

  // Gone for good: its owner knows, and wants to hear no more of it.
  renameSync(moved, join(strata.dataDir, 'away.qcow2'));
  await strata.ok('POST', '/folders/scan');
  for (const name of [images.s1.name, 'ui-twig.qcow2']) {
    await page.getByRole('button', { name: `Repair ${name}` }).click();
    await dialog.getByRole('button', { name: 'Leave it alone' }).click();
    await expect(dialog).toBeHidden();
  }
  await expect(page.getByText('2 images are left alone')).toBeVisible();
  await expect(page.getByText(anyProblem)).toBeHidden();
});
