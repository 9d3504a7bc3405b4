import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '../src/browser.ts';
import { backingOf, expectSameContent, flatten, makeChain } from '../src/images.ts';

test('a folder of foreign images is looked at, planned, and copied into the library with its chains', async ({
  page,
  strata,
}) => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'strata-foreign-')));
  try {
    const folder = join(root, 'foreign');
    mkdirSync(folder);
    const paths = makeChain(folder, 'old');
    const whole = flatten(paths.active, join(root, 'whole.raw'));
    execFileSync('qemu-img', ['rebase', '-u', '-f', 'qcow2', '-b', 'gone.qcow2', '-F', 'qcow2', paths.s3]);
    const s2 = flatten(paths.s2, join(root, 's2.raw'));

    await page.goto(strata.readyLink);
    await page.goto(`${strata.url}/library`);
    await page.getByRole('button', { name: 'Folders' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('textbox', { name: 'Register a folder' }).fill(folder);
    await dialog.getByRole('button', { name: 'Adopt with its chains…' }).click();
    await expect(dialog).toContainText('5 images in 2 chains');
    await expect(dialog).toContainText('1 chain is not whole');
    await dialog.getByText('Copy in', { exact: true }).click();
    await expect(dialog).toContainText(`→ ${join(strata.dataDir, 'images', 'old-s2.qcow2')}`);
    await expect(dialog.getByText('stays as it is')).toHaveCount(2);
    await dialog.getByRole('button', { name: 'Adopt', exact: true }).click();
    await expect(dialog).toBeHidden();
    await expect(page.getByRole('row', { name: /old-s2/ })).toBeVisible({ timeout: 30_000 });
    const copy = join(strata.dataDir, 'images', 'old-s2.qcow2');
    await expect.poll(() => backingOf(copy)).toBe('old-s1.qcow2');
    expectSameContent(s2, copy);
    // What was taken in is whole; what was broken stays with its owner.
    execFileSync('qemu-img', [
      ...['rebase', '-u', '-f', 'qcow2', '-b', 'old-s2.qcow2', '-F', 'qcow2', paths.s3],
    ]);
    expectSameContent(whole, paths.active);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
