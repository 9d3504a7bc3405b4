import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { expect, test } from '../src/browser.ts';
import { disposeStrata, startStrata } from '../src/strata.ts';

let folder = '';
test.beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'strata-sent-'));
});
test.afterEach(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string, bytes: Buffer | string): string => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};
const choose = (page: Page, ...paths: string[]) =>
  page.locator('input[type="file"][multiple]').first().setInputFiles(paths);
const line = (page: Page, name: string) =>
  page.getByRole('region', { name: 'Uploads' }).getByRole('listitem').filter({ hasText: name });
const open = async (page: Page, url: string, link: string): Promise<void> => {
  await page.goto(link);
  await page.goto(`${url}/library`);
};

test('several files are chosen at once: each becomes an image with a link to it, or says why not', async ({
  page,
  strata,
}) => {
  const bytes = randomBytes(3 * 1024 ** 2);
  const hostile = join(folder, 'hostile.qcow2');
  execFileSync('qemu-img', [
    'create',
    '-q',
    '-f',
    'qcow2',
    '-u',
    '-b',
    '/etc/passwd',
    '-F',
    'raw',
    hostile,
    '1M',
  ]);
  const sum = createHash('sha256').update(bytes).digest('hex');
  const sums = file('SHA256SUMS', `${sum}  stick.img\n${'0'.repeat(64)}  other.img\n`);
  await open(page, strata.url, strata.readyLink);
  await choose(
    page,
    file('stick.img', bytes),
    file('other.img', bytes),
    hostile,
    sums,
    file('dump.dat', bytes),
  );

  await expect(line(page, 'stick.img')).toContainText('is in the library', { timeout: 30_000 });
  await expect(line(page, 'other.img')).toContainText('is not the file that was meant', { timeout: 30_000 });
  await expect(line(page, 'hostile.qcow2')).toContainText('refused', { timeout: 30_000 });
  await expect(page.getByRole('row', { name: /stick/ })).toBeVisible();
  expect(readFileSync(join(strata.dataDir, 'images', 'stick.raw')).equals(bytes)).toBe(true);
  expect(readdirSync(join(strata.dataDir, 'images'))).toEqual(['stick.raw']);
  await expect(line(page, 'dump.dat')).toContainText('does not look like a disk image');
  await line(page, 'dump.dat').getByRole('button', { name: 'It is a raw disk' }).click();
  await expect(line(page, 'dump.dat')).toContainText('is in the library', { timeout: 30_000 });

  await line(page, 'stick.img').getByRole('link', { name: 'Open image' }).click();
  await expect(page.getByRole('dialog')).toContainText('stick');
});

test('files are dropped anywhere in the library', async ({ page, strata }) => {
  await open(page, strata.url, strata.readyLink);
  await expect(page.getByRole('heading', { name: 'Library' })).toBeVisible();
  const data = await page.evaluateHandle(() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([new Uint8Array(1024 ** 2).fill(7)], 'dropped.img'));
    return transfer;
  });
  await page.dispatchEvent('h1', 'dragover', { dataTransfer: data });
  await expect(page.getByText('Drop to upload into the library')).toBeVisible();
  await page.dispatchEvent('h1', 'drop', { dataTransfer: data });
  await expect(page.getByText('Drop to upload into the library')).toBeHidden();
  await expect(line(page, 'dropped.img')).toContainText('is in the library', { timeout: 30_000 });
});

test('an upload is paused, survives a reload of the page and a restart of the server, and goes on where it was', async ({
  page,
}) => {
  let strata = await startStrata();
  const bytes = randomBytes(20 * 1024 ** 2);
  const path = file('big.img', bytes);
  await open(page, strata.url, strata.readyLink);
  // Its second part is held back, so that there is something to pause.
  let parts = 0;
  const held = new Set<() => void>();
  const isPart = (url: URL): boolean => /\/api\/v1\/uploads\/\w+$/.test(url.pathname);
  await page.route(isPart, async (route) => {
    if (route.request().method() === 'PATCH') {
      parts += 1;
      if (parts === 2) await new Promise<void>((go) => held.add(go));
    }
    await route.continue().catch(() => {});
  });
  await choose(page, path);
  await expect.poll(() => held.size, { timeout: 30_000 }).toBe(1);
  await page.getByRole('button', { name: 'Pause: big.img' }).click();
  await expect(line(page, 'big.img')).toContainText('paused');
  for (const go of held) go();
  await page.unrouteAll({ behavior: 'ignoreErrors' });

  const [{ offset }] = (await strata.ok('GET', '/uploads')).items;
  expect(offset).toBe(16 * 1024 ** 2);
  await strata.kill();
  strata = await startStrata({ dataDir: strata.dataDir, port: Number(new URL(strata.url).port) });
  await page.goto(`${strata.url}/library`);
  await expect(line(page, 'big.img')).toContainText('Drop or choose the same file again');
  const offsets: number[] = [];
  page.on('request', (request) => {
    if (request.method() === 'PATCH') offsets.push(Number(request.headers()['upload-offset']));
  });
  await choose(page, path);
  await expect(line(page, 'big.img')).toContainText('is in the library', { timeout: 60_000 });
  expect(offsets[0]).toBe(offset);
  expect(readFileSync(join(strata.dataDir, 'images', 'big.raw')).equals(bytes)).toBe(true);
  await expect.poll(async () => (await strata.ok('GET', '/uploads')).items).toEqual([]);
  await disposeStrata(strata);
});

test('what another browser has left unfinished is gone on with, or removed', async ({ page, strata }) => {
  const bytes = randomBytes(2 * 1024 ** 2);
  const tus = {
    authorization: `Bearer ${new URL(strata.readyLink).hash.replace('#token=', '')}`,
    'tus-resumable': '1.0.0',
  };
  const begin = async (name: string): Promise<void> => {
    const metadata = `filename ${Buffer.from(name).toString('base64')}`;
    const made = await fetch(`${strata.url}/api/v1/uploads`, {
      method: 'POST',
      headers: { ...tus, 'upload-length': String(bytes.length), 'upload-metadata': metadata },
    });
    await fetch(`${strata.url}${made.headers.get('location')}`, {
      method: 'PATCH',
      headers: { ...tus, 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' },
      body: new Uint8Array(bytes.subarray(0, 1024 ** 2)),
    });
  };
  await begin('left.img');
  await begin('unwanted.img');
  await open(page, strata.url, strata.readyLink);
  const left = line(page, 'left.img');
  await expect(left).toContainText('1 MiB of 2 MiB are here');
  const wrong = file('wrong.img', bytes);
  await left.locator('input[type="file"]').setInputFiles(wrong);
  await expect(page.getByText('That is not the same file')).toBeVisible();
  await left.locator('input[type="file"]').setInputFiles(file('left.img', bytes));
  await expect(left).toContainText('is in the library', { timeout: 30_000 });
  expect(readFileSync(join(strata.dataDir, 'images', 'left.raw')).equals(bytes)).toBe(true);

  await page.getByRole('button', { name: 'Remove: unwanted.img' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
  await expect(line(page, 'unwanted.img')).toBeHidden();
  await expect.poll(async () => (await strata.ok('GET', '/uploads')).items).toEqual([]);
});
