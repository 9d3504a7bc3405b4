import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '../src/browser.ts';
import { imagesAt, makeChain } from '../src/images.ts';

test('an image is exported from its menu, shows its commands, locks its layers and is stopped', async ({
  page,
  strata,
}) => {
  const paths = makeChain(join(strata.dataDir, 'images'), 'out');
  const images = await imagesAt(strata, paths);
  await page.goto(strata.readyLink);
  await page.goto(`${strata.url}/library?image=${images.active.id}`);
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Export…' }).click();
  const dialog = page.getByRole('dialog', { name: /^Export/ });
  await dialog.getByLabel('Name').fill('for the lab');
  await dialog.getByRole('button', { name: 'Export', exact: true }).click();

  const card = dialog.getByRole('article', { name: 'for the lab' });
  await expect(card).toContainText('nbd+unix:///disk?socket=');
  await expect(card).toContainText('Nobody is connected.');
  await expect(card).toContainText('sudo partprobe /dev/nbd0');
  const [one] = (await strata.ok('GET', '/exports')).items;
  const seen = execFileSync('qemu-img', ['info', '-f', 'raw', one.uri], { encoding: 'utf8' });
  expect(seen).toContain('virtual size');
  await dialog.getByRole('button', { name: 'Close' }).last().click();

  const detail = page.getByRole('dialog', { name: 'Image' });
  await expect(detail.getByText('export for the lab')).toBeVisible();
  await page.goto(`${strata.url}/library`);
  await page.getByRole('button', { name: 'Exports (1)' }).click();
  const list = page.getByRole('dialog', { name: 'Exports' });
  await list.getByRole('button', { name: 'Stop' }).click();
  await page
    .getByRole('dialog', { name: 'Stop the export “for the lab”?' })
    .getByRole('button', { name: 'Stop' })
    .click();
  await expect(list).toContainText('Nothing is exported.');
  expect(existsSync(one.socket)).toBe(false);
});

test('an image is downloaded as its file at once, and in another format when it has been made', async ({
  page,
  strata,
}) => {
  const paths = makeChain(join(strata.dataDir, 'images'), 'away');
  const images = await imagesAt(strata, paths);
  await page.goto(strata.readyLink);
  const ask = async (what: string) => {
    await page.goto(`${strata.url}/library?image=${images.active.id}`);
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Download…' }).click();
    const dialog = page.getByRole('dialog', { name: /^Download/ });
    await dialog.getByLabel(what, { exact: true }).check();
    const download = page.waitForEvent('download');
    await dialog.getByRole('button', { name: 'Download' }).click();
    return await download;
  };
  const file = await ask('The file as it is');
  expect(readFileSync(await file.path()).equals(readFileSync(paths.active))).toBe(true);

  const vdi = await ask('VDI (VirtualBox)');
  expect(vdi.suggestedFilename()).toMatch(/\.vdi$/);
  execFileSync('qemu-img', ['compare', '-f', 'vdi', '-F', 'qcow2', await vdi.path(), paths.active]);
  await page.goto(`${strata.url}/library`);
  await page.getByRole('button', { name: 'Exports' }).click();
  const list = page.getByRole('dialog', { name: 'Exports' });
  await list.getByRole('article', { name: vdi.suggestedFilename() }).getByText('Remove').click();
  await expect(list.getByText('Ready to be downloaded')).toHaveCount(0);
});

test('a VM gets an export as its disk by the address that the export shows', async ({ page, strata }) => {
  const paths = makeChain(join(strata.dataDir, 'images'), 'far');
  const images = await imagesAt(strata, paths);
  const { uri } = await strata.ok('POST', '/exports', { imageId: images.active.id });
  const { id } = await strata.ok('POST', '/vms', { name: 'remote', memory: '64M', nics: [] });
  await page.goto(strata.readyLink);
  await page.goto(`${strata.url}/vms/${id}/hardware`);
  await page.getByRole('button', { name: 'Add a network disk' }).click();
  await page.getByLabel('Address').fill(uri);
  await page.getByRole('button', { name: 'Save' }).click();
  await expect
    .poll(async () => (await strata.ok('GET', `/vms/${id}`)).nbdDisks)
    .toEqual([{ uri, readOnly: true, bus: 'virtio' }]);
  expect((await strata.ok('POST', `/vms/${id}/start`)).state).toBe('running');
  await strata.ok('POST', `/vms/${id}/poweroff`);
});

test('a VM that is off is exported as an OVA from its menu, and fetched', async ({ page, strata }) => {
  const paths = makeChain(join(strata.dataDir, 'images'), 'whole');
  const images = await imagesAt(strata, paths);
  const disks = [{ imageId: images.active.id }];
  await strata.ok('POST', '/vms', { name: 'whole', disks, nics: [] });
  await page.goto(strata.readyLink);
  await page.getByRole('button', { name: 'More actions: whole' }).click();
  await page.getByRole('menuitem', { name: 'Export…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Export the VM “whole”' });
  const download = page.waitForEvent('download');
  await dialog.getByRole('button', { name: 'Export' }).click();
  const file = await download;
  expect(file.suggestedFilename()).toBe('whole.ova');
  const names = execFileSync('tar', ['-tf', await file.path()], { encoding: 'utf8' });
  expect(names.trim().split('\n')).toEqual(['whole.ovf', 'whole.mf', 'whole-disk1.vmdk']);
});
