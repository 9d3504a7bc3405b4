import type { Image } from '@strata/contract';
import { expect, it } from 'vitest';
import { rebaseTargets } from './rebase-targets.ts';

const image = (id: string, backingId: string | null, overlays: string[], differs: Partial<Image> = {}) =>
  ({
    id,
    name: id,
    backingId,
    overlays,
    present: true,
    format: 'qcow2',
    role: 'layer',
    ...differs,
  }) as Image;

it('offers everything that a layer could stand on, and nothing that stands on it', () => {
  const images = [
    image('zeta', null, []),
    image('base', null, ['layer']),
    image('layer', 'base', ['active', 'branch']),
    image('active', 'layer', []),
    image('branch', 'layer', ['twig']),
    image('twig', 'branch', []),
    image('gone', null, [], { present: false }),
    image('cd', null, [], { format: 'iso', role: 'media' }),
  ];
  const names = (id: string) =>
    rebaseTargets(images, images.find((each) => each.id === id) as Image).map(({ name }) => name);
  expect(names('layer')).toEqual(['zeta']);
  expect(names('active')).toEqual(['base', 'branch', 'twig', 'zeta']);
  expect(names('zeta')).toEqual(['active', 'base', 'branch', 'layer', 'twig']);
});
