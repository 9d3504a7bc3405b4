import type { Image } from '@strata/contract';
import { describe, expect, it } from 'vitest';
import { branchesOf, climb } from './branches.ts';

function forestOf(edges: Record<string, string[]>): Map<string, Image> {
  return new Map(
    Object.entries(edges).map(([id, overlays]) => [id, { id, name: id, overlays } as unknown as Image]),
  );
}
const images = forestOf({
  base: ['a', 'x'],
  a: ['tip'],
  tip: [],
  x: ['y'],
  y: ['z1', 'z2'],
  z1: [],
  z2: [],
});
const image = (id: string) => images.get(id) as Image;

describe('branches of a chain', () => {
  it('are the overlays that the chain shown does not go through', () => {
    const branches = branchesOf(image('base'), new Set(['tip', 'a', 'base']), images);
    expect(branches.map(({ image: { id } }) => id)).toEqual(['x']);
  });
  it('lead to their top, or to where they fork again', () => {
    expect(climb(image('a'), images)).toEqual({ tipId: 'tip', layers: 2 });
    expect(climb(image('x'), images)).toEqual({ tipId: 'y', layers: 2 });
  });
  it('end in a cycle too', () => {
    const cycle = forestOf({ a: ['b'], b: ['a'] });
    expect(climb(cycle.get('a') as Image, cycle)).toEqual({ tipId: 'b', layers: 2 });
  });
});
