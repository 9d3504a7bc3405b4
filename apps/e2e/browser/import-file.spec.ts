import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Locator, Page } from '@playwright/test';
import { expect, test } from '../src/browser.ts';

let folder = '';
const at = (name: string): string => join(folder, name);
const qemuImg = (...args: string[]): void => void execFileSync('qemu-img', args, { stdio: 'pipe' });

test.beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'strata-host-'));
  qemuImg('create', '-q', '-f', 'qcow2', at('disk.qcow2'), '8M');
  qemuImg('create', '-q', '-f', 'qcow2', '-b', 'disk.qcow2', '-F', 'qcow2', at('over.qcow2'));
  qemuImg('create', '-q', '-f', 'qed', at('old.qed'), '8M');
  execFileSync('qemu-io', ['-f', 'qed', '-c', 'write -P 7 1M 1M', at('old.qed')], { stdio: 'pipe' });
});
test.afterEach(() => rmSync(folder, { recursive: true, force: true }));

const choose = async (page: Page, path: string): Promise<Locator> => {
  await page.getByRole('button', { name: 'Import a file' }).first().click();
  const dialog = page.getByRole('dialog', { name: 'Import a file of this computer' });
  await dialog.getByRole('textbox', { name: 'File on this computer' }).fill(path);
  return dialog;
};

test('a file of the host is moved into the library, or converted; overlays lead to the adoption of their folder', async ({
  page,
  strata,
}) => {
  await page.goto(strata.readyLink);
  await page.goto(`${strata.url}/library`);

  const overlay = await choose(page, at('over.qcow2'));
  await overlay.getByRole('radio', { name: 'Copy it into the library' }).check();
  await overlay.getByRole('button', { name: 'Copy', exact: true }).click();
  await expect(overlay.getByRole('alert')).toContainText('it is an overlay');
  await overlay.getByRole('button', { name: 'Adopt their folder…' }).click();
  await expect(page.getByText('over.qcow2').first()).toBeVisible();
  await page.keyboard.press('Escape');

  const old = await choose(page, at('old.qed'));
  await old.getByRole('button', { name: 'Convert' }).click();
  await expect(page.getByRole('button', { name: 'Details of old.qed' })).toBeVisible();
  const [made] = (await strata.ok('GET', '/images')).items;
  expect(made).toMatchObject({ format: 'qcow2', problems: [] });
  qemuImg('compare', '-f', 'qed', '-F', 'qcow2', at('old.qed'), made.path);

  const disk = await choose(page, at('disk.qcow2'));
  await disk.getByRole('radio', { name: 'Move it into the library' }).check();
  await disk.getByRole('button', { name: 'Move', exact: true }).click();
  await expect(page.getByRole('button', { name: 'Details of disk.qcow2' })).toBeVisible();
  await expect.poll(() => existsSync(at('disk.qcow2'))).toBe(false);
});
