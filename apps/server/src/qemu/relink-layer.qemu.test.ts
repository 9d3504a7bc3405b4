import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { holdOpen } from '../testing/damaged-image.ts';
import { checkImage, createImage, createOverlay, imagesAreEqual, readImageDetails } from './qemu-img.ts';
import { relinkLayer } from './relink-layer.ts';

let folder: string;
const at = (name: string): string => join(folder, name);
const qcow2 = (name: string) => ({ path: at(name), format: 'qcow2' }) as const;
const linkOf = async (name: string): Promise<string | undefined> =>
  (await readImageDetails(qcow2(name)))['backing-filename'];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'strata-relink-'));
  await createImage({ path: at('base.qcow2'), format: 'qcow2', size: 1024 ** 2 });
  execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write -P 7 0 128k', at('base.qcow2')]);
  for (const [name, backing] of [
    ['layer', 'base'],
    ['top', 'layer'],
  ])
    await createOverlay({ path: at(`${name}.qcow2`), backing: `${backing}.qcow2`, backingFormat: 'qcow2' });
  copyFileSync(at('top.qcow2'), at('before.qcow2'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('writes another link, and the image reads the same over it', async () => {
  await relinkLayer(at('top.qcow2'), { name: 'base.qcow2', format: 'qcow2' });
  expect(await linkOf('top.qcow2')).toBe('base.qcow2');
  expect(await imagesAreEqual(qcow2('top.qcow2'), qcow2('before.qcow2'))).toBe(true);
  expect(await checkImage(qcow2('top.qcow2'))).toEqual({ errors: 0, leaks: 0 });
});

it('changes nothing when the link is there already', async () => {
  await relinkLayer(at('top.qcow2'), { name: 'layer.qcow2', format: 'qcow2' });
  expect(readFileSync(at('top.qcow2')).equals(readFileSync(at('before.qcow2')))).toBe(true);
});

it('lets qemu-img lay out a header that has no room for the link', async () => {
  const name = `${'../'.repeat(3)}${folder.slice(1)}/${'./'.repeat(400)}base.qcow2`;
  execFileSync('qemu-img', [
    ...['create', '-q', '-f', 'qcow2', '-o', 'cluster_size=512', '-u', '-b', 'layer.qcow2', '-F', 'qcow2'],
    ...[at('small.qcow2'), '1M'],
  ]);
  // Both refuse what no header of this image can hold, and the old link stays.
  await expect(relinkLayer(at('small.qcow2'), { name, format: 'qcow2' })).rejects.toMatchObject({
    code: 'qemu-refused',
  });
  expect(await linkOf('small.qcow2')).toBe('layer.qcow2');
});

it('refuses while a program has the image open, and writes nothing', async () => {
  const holder = await holdOpen(at('top.qcow2'));
  try {
    await expect(relinkLayer(at('top.qcow2'), { name: 'base.qcow2', format: 'qcow2' })).rejects.toMatchObject(
      {
        code: 'image-locked',
      },
    );
  } finally {
    await holder.close();
  }
  expect(readFileSync(at('top.qcow2')).equals(readFileSync(at('before.qcow2')))).toBe(true);
});

it('refuses a link that QEMU would not read as a file name', async () => {
  const link = { name: 'nbd:somewhere', format: 'qcow2' } as const;
  await expect(relinkLayer(at('top.qcow2'), link)).rejects.toMatchObject({ code: 'image-refused' });
  expect(await linkOf('top.qcow2')).toBe('layer.qcow2');
});

it('relinks through a symbolic link the image itself', async () => {
  symlinkSync(at('top.qcow2'), at('link.qcow2'));
  await relinkLayer(at('link.qcow2'), { name: 'base.qcow2', format: 'qcow2' });
  expect(await linkOf('top.qcow2')).toBe('base.qcow2');
});
