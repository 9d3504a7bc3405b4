import type { Image } from '@strata/contract';
import { expect, it } from 'vitest';
import { breakOf } from './broken-chain.ts';

const image = (id: string, backingId: string | null, more: Partial<Image> = {}) =>
  ({ id, path: `/images/${id}`, backingId, present: true, ...more }) as Image;
const broken = (...images: [Image, ...Image[]]) =>
  breakOf(images[0], new Map(images.map((each) => [each.id, each])));

it('finds nothing wrong with a chain that is whole', () => {
  expect(broken(image('top', 'base'), image('base', null))).toBeNull();
});

it('names the file that is gone, the image itself or any below it', () => {
  const gone = image('base', null, { present: false });
  expect(broken(gone)).toEqual({ imageId: 'base', missing: '/images/base' });
  expect(broken(image('top', 'middle'), image('middle', 'base'), gone)?.missing).toBe('/images/base');
});

it('names a file that the library never knew, with the image whose header points there', () => {
  const backing = { path: '/elsewhere/base', format: null, state: 'missing' as const };
  expect(broken(image('top', 'middle'), image('middle', null, { backing }))).toEqual({
    imageId: 'middle',
    missing: '/elsewhere/base',
  });
});

it('ends on a chain that leads back into itself', () => {
  expect(broken(image('a', 'b'), image('b', 'a'))).toMatchObject({ missing: null });
});
