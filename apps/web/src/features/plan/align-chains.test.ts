import { describe, expect, it } from 'vitest';
import { alignChains, foldAlike, foldKey } from './align-chains.ts';

const chain = (...ids: string[]) => ids.map((imageId) => ({ imageId }));
const drawn = (before: string[], after: string[]) =>
  alignChains(chain(...before), chain(...after)).map(
    (row) => `${row.before?.imageId ?? '·'} ${row.after?.imageId ?? '·'}`,
  );

describe('a chain before and after', () => {
  it('leaves a gap where a layer is merged away', () => {
    expect(drawn(['active', 'b', 'a', 'base'], ['active', 'a', 'base'])).toEqual([
      'active active',
      'b ·',
      'a a',
      'base base',
    ]);
  });
  it('shows a chain that ends shorter, and one that is gone', () => {
    expect(drawn(['top', 'base'], ['base'])).toEqual(['top ·', 'base base']);
    expect(drawn(['top', 'base'], ['top'])).toEqual(['top top', 'base ·']);
    expect(drawn(['top'], [])).toEqual(['top ·']);
  });
  it('puts a new layer where it comes', () => {
    expect(drawn(['a', 'base'], ['new', 'a', 'base'])).toEqual(['· new', 'a a', 'base base']);
    expect(drawn(['x', 'a', 'base'], ['new', 'a', 'base'])).toEqual(['· new', 'x ·', 'a a', 'base base']);
  });
});

const told = (rows: ReturnType<typeof foldAlike<{ imageId: string }>>) =>
  rows.map((row) => ('folded' in row ? row.folded.length : row.before?.imageId));

describe('a long plan', () => {
  it('folds what nothing happens to, and keeps the neighbours of what changes', () => {
    const ids = Array.from({ length: 200 }, (_, index) => `l${index}`);
    const rows = alignChains(chain(...ids), chain(...ids.filter((id) => id !== 'l100')));
    expect(told(foldAlike(rows, new Set(['l100', 'l101'])))).toEqual([
      'l0',
      98,
      'l99',
      'l100',
      'l101',
      'l102',
      96,
      'l199',
    ]);
  });
  it('folds nothing in a short one', () => {
    const rows = alignChains(chain('a', 'b', 'c', 'd'), chain('a', 'b', 'c', 'd'));
    expect(foldAlike(rows, new Set())).toHaveLength(4);
  });
  it('folds the middle of many layers that all go, and opens it again', () => {
    const ids = Array.from({ length: 60 }, (_, index) => `l${index}`);
    const rows = alignChains(chain(...ids), chain('l0'));
    const folded = foldAlike(rows, new Set(ids));
    expect(told(folded)).toEqual(['l0', 'l1', 'l2', 55, 'l58', 'l59']);
    const fold = folded.find((row) => 'folded' in row);
    if (fold === undefined || !('folded' in fold)) throw new Error('nothing is folded');
    expect(fold.fate).toBe('leaving');
    expect(foldAlike(rows, new Set(ids), new Set([foldKey(fold)]))).toHaveLength(60);
  });
});
