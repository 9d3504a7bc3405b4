import type { Image } from '@strata/contract';
import { describe, expect, it } from 'vitest';
import { hasProblem, listImages, matches, problemsOf, standsOn } from './image-list.ts';

const image = (name: string, fields: Partial<Image> = {}) =>
  ({
    id: name,
    name,
    path: `/images/${name}.qcow2`,
    format: 'qcow2',
    role: 'base',
    virtualSize: 1,
    allocatedSize: 1,
    backingId: null,
    overlays: [],
    checksums: [],
    usedBy: [],
    problems: [],
    present: true,
    modifiedAt: '2026-01-01T00:00:00.000Z',
    ...fields,
  }) as Image;
const names = (images: Image[]) => images.map(({ name }) => name);
const byName = { column: 'name', descending: false } as const;

describe('the table of images', () => {
  it('sorts names as people count: 2 before 10', () => {
    const images = [image('disk10'), image('disk2'), image('Disk1')];
    expect(names(listImages(images, '', byName, String))).toEqual(['Disk1', 'disk2', 'disk10']);
  });
  it('keeps problems at the top whatever the order', () => {
    const broken = image('zz', { problems: [{ code: 'x', message: 'x' }] });
    const images = [image('a'), broken, image('gone', { present: false })];
    expect(names(listImages(images, '', byName, String))).toEqual(['gone', 'zz', 'a']);
    const down = { column: 'name', descending: true } as const;
    expect(names(listImages(images, '', down, String))).toEqual(['zz', 'gone', 'a']);
  });
  it('says of a deep chain once, at its top, that it is deep', () => {
    const problems = [{ code: 'chain-deep', message: 'The chain has 40 layers.' }];
    expect(problemsOf(image('top', { problems }))).toEqual(problems);
    expect(problemsOf(image('below', { problems, overlays: ['top'] }))).toEqual([]);
    expect(hasProblem(image('below', { problems, overlays: ['top'] }))).toBe(false);
  });
  it('finds by every word, in name, path, format and user', () => {
    const used = image('root', { usedBy: [{ kind: 'vm', id: 'v', name: 'web-7' }] });
    expect(matches(used, 'QCOW2 web')).toBe(true);
    expect(matches(used, 'raw web')).toBe(false);
    expect(matches(used, '')).toBe(true);
  });
  it('sorts by the name of what an image stands on', () => {
    const images = [image('x', { backingId: 'b' }), image('y', { backingId: 'a' })];
    const sorting = { column: 'backing', descending: false } as const;
    expect(names(listImages(images, '', sorting, (id) => id))).toEqual(['y', 'x']);
  });
});

it('says who stands on an image, each once and not all of a hundred', () => {
  expect(standsOn(image('a'))).toBeNull();
  const use = (name: string) => ({ kind: 'overlay' as const, id: name, name });
  expect(standsOn(image('a', { usedBy: [use('x'), use('x')] }))).toBe('x');
  expect(standsOn(image('a', { usedBy: ['a', 'b', 'c', 'd', 'e'].map(use) }))).toBe('a, b, c +2');
});
