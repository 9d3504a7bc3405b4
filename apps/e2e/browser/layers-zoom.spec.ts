import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '../src/browser.ts';
import { imagesAt } from '../src/images.ts';

const mebi = 1024 ** 2;

/** One piece of 64 KiB in every MiB of the first 16 GiB of a 64 GiB disk: more than any screen has columns. */
const scatter = (path: string): void => {
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', path, '64G']);
  const writes = Array.from({ length: 16_384 }, (_, at) => `write -q -z -u ${at * mebi} 64k`);
  execFileSync('qemu-io', ['-f', 'qcow2', '--cache', 'unsafe', path], {
    input: writes.join('\n'),
    stdio: ['pipe', 'ignore', 'inherit'],
  });
};

test('the cross-section of a disk in more pieces than the screen has columns, and a closer look', async ({
  page,
  strata,
}) => {
  const path = join(strata.dataDir, 'images', 'scattered.qcow2');
  scatter(path);
  const { image } = await imagesAt(strata, { image: path });
  const asked: URL[] = [];
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.pathname.endsWith('/map')) asked.push(url);
  });
  await page.goto(strata.readyLink);
  await page.goto(`${strata.url}/library/${image.id}`);

  const zoom = page.getByRole('toolbar', { name: /part of the disk/ });
  await expect(zoom).toContainText('the whole disk');
  await expect(page.getByRole('button', { name: 'The whole disk (0)' })).toHaveAttribute(
    'aria-disabled',
    'true',
  );
  const strip = page.getByRole('img', { name: /^scattered/ });
  await expect(strip).toHaveAccessibleName(/1 GiB provided to the guest/);
  await expect.poll(() => asked.length).toBeGreaterThan(0);
  const answer = await strata.ok('GET', `/images/${image.id}/map${asked[0]?.search}`);
  expect(JSON.stringify(answer).length).toBeLessThan(64 * 1024);
  expect(answer.layers[0].visibleBytes).toBe(1024 * mebi);

  // With the wheel: what is under the pointer stays there.
  const box = await strip.boundingBox();
  if (box === null) throw new Error('the strip is not there');
  await page.mouse.move(box.x + 1, box.y + box.height / 2);
  await page.keyboard.down('Control');
  for (let turn = 0; turn < 12; turn += 1) await page.mouse.wheel(0, -120);
  await page.keyboard.up('Control');
  await expect(zoom).not.toContainText('the whole disk');
  await expect.poll(() => asked.at(-1)?.searchParams.get('start')).toBeTruthy();
  await expect(strip).toHaveAccessibleName(/1 GiB provided to the guest/);

  // With the keyboard, from a row.
  const row = page.getByRole('row', { name: /scattered/ }).first();
  await row.focus();
  await page.keyboard.press('0');
  await expect(zoom).toContainText('the whole disk');
  for (let press = 0; press < 12; press += 1) await page.keyboard.press('+');
  await expect(zoom).toContainText('31.992 GiB – 32.008 GiB');
  await page.keyboard.press('ArrowRight');
  await expect(page.getByRole('button', { name: /^To the right/ })).not.toHaveAttribute(
    'aria-disabled',
    'true',
  );
  // And with the buttons.
  await page.getByRole('button', { name: 'The whole disk (0)' }).click();
  await expect(zoom).toContainText('the whole disk');
});
