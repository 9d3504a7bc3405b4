import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '../src/browser.ts';
import { type LoopDevices, loopDevices, loopRefusal } from '../src/loop-devices.ts';
import { disposeStrata, startStrata } from '../src/strata.ts';

const mebi = 1024 ** 2;
const refusal = loopRefusal();
/** And not /dev/loop10 for /dev/loop1. */
const named = (path: string): RegExp => new RegExp(`^${path} ·`);
let loops: LoopDevices;

test.skip(refusal !== null, refusal ?? '');
test.beforeEach(() => {
  loops = loopDevices();
});
test.afterEach(() => loops.dispose());

test('a device is read into an image, which says what of it could not be read', async ({ page, strata }) => {
  const file = join(loops.folder, 'stick');
  const bytes = randomBytes(2 * mebi);
  writeFileSync(file, bytes);
  const { path } = loops.attach(file);
  // Its last 64 KiB are no longer there to be read.
  truncateSync(file, 2 * mebi - 65_536);
  await page.goto(strata.readyLink);
  await page.goto(`${strata.url}/library`);
  await page.getByRole('button', { name: 'Make from…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Make an image from…' });
  await dialog.getByRole('radio', { name: 'Device of this machine' }).click();
  await dialog.getByRole('radio', { name: named(path) }).click();
  await expect(dialog).toContainText('Takes at most 2 MiB while it is made');
  await dialog.getByLabel('Name of the image').fill('Old stick');
  await dialog.getByRole('button', { name: 'Make it' }).click();
  await expect.poll(async () => (await strata.ok('GET', '/images')).items.length).toBe(1);
  const [image] = (await strata.ok('GET', '/images')).items;
  await page.goto(`${strata.url}/library?image=${image.id}`);
  const detail = page.getByRole('dialog', { name: 'Image' });
  await expect(detail.getByText('The image is incomplete')).toContainText('65,536 bytes in 1 place');
  const made = readFileSync(image.path);
  expect(made.equals(Buffer.concat([bytes.subarray(0, 2 * mebi - 65_536), Buffer.alloc(65_536)]))).toBe(true);
  await page.goto(`${strata.url}/operations`);
  await expect(page.getByText('The image is incomplete: 65,536 bytes')).toBeVisible();
});

test('writing is not offered unless the server was started for it, and the Host page says how', async ({
  page,
  strata,
}) => {
  await strata.ok('POST', '/images', { name: 'disk', size: '1M' });
  const [image] = (await strata.ok('GET', '/images')).items;
  await page.goto(strata.readyLink);
  await page.goto(`${strata.url}/library?image=${image.id}`);
  await page.getByRole('button', { name: 'More' }).click();
  await expect(page.getByRole('menuitem', { name: 'Export…' })).toBeVisible();
  await expect(page.getByRole('menuitem', { name: 'Write to a device…' })).toHaveCount(0);
  await page.goto(`${strata.url}/host`);
  await expect(page.getByText('npm start -- --enable-device-write')).toBeVisible();
});

test('an image is written to a device that was chosen and confirmed, and read back', async ({ page }) => {
  const strata = await startStrata({ flags: ['--enable-device-write'] });
  try {
    const stick = join(loops.folder, 'stick');
    writeFileSync(stick, randomBytes(4 * mebi));
    const small = join(loops.folder, 'small');
    writeFileSync(small, randomBytes(mebi));
    const before = readFileSync(small);
    const device = loops.attach(stick);
    const other = loops.attach(small);
    const source = join(strata.dataDir, 'images', 'system.raw');
    writeFileSync(source, randomBytes(3 * mebi));
    await expect.poll(async () => (await strata.ok('GET', '/images')).items.length).toBe(1);
    const [{ id }] = (await strata.ok('GET', '/images')).items;
    await page.goto(strata.readyLink);
    await page.goto(`${strata.url}/library?image=${id}`);
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Write to a device…' }).click();
    const dialog = page.getByRole('dialog', { name: /^Write “system/ });
    const submit = dialog.getByRole('button', { name: 'Overwrite' });
    await expect(submit).toHaveAttribute('aria-disabled', 'true');
    await dialog.getByRole('radio', { name: named(other.path) }).click();
    await expect(dialog.getByText('This device cannot be written').first()).toBeVisible();
    await dialog.getByRole('radio', { name: named(device.path) }).click();
    await expect(dialog.getByText(`Everything on ${device.path} will be lost`)).toBeVisible();
    await dialog.getByLabel('To confirm').fill('yes');
    await submit.click();
    await expect(dialog.getByRole('alert').filter({ hasText: 'What was typed does not fit' })).toBeVisible();
    await dialog.getByLabel('To confirm').fill(device.name);
    await expect(submit).not.toHaveAttribute('aria-disabled', 'true');
    await submit.click();
    await page.goto(`${strata.url}/operations`);
    await expect(page.getByText(`Read back and compared: ${device.path} holds all`)).toBeVisible();
    const sum = (path: string) => execFileSync('sha256sum', [path], { encoding: 'utf8' }).split(' ')[0] ?? '';
    await expect(page.getByText(sum(source))).toBeVisible();
    expect(
      readFileSync(stick)
        .subarray(0, 3 * mebi)
        .equals(readFileSync(source)),
    ).toBe(true);
    expect(readFileSync(small).equals(before)).toBe(true);
  } finally {
    await disposeStrata(strata);
  }
});
