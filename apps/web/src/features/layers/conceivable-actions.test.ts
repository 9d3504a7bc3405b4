import { describe, expect, it } from 'vitest';
import { conceivableActions, draggedAction, keyedAction } from './conceivable-actions.ts';

const chain = ['active', 'c', 'b', 'a', 'base'];
const requests = (upper: number, lower: number) =>
  conceivableActions(chain, { upper, lower }).map(({ kind, request }) => ({ kind, ...request }));

describe('what one can do with selected layers', () => {
  it('offers one layer: into the one below, further down, up into the one above, to stand alone, and to go', () => {
    expect(requests(1, 1)).toEqual([
      { kind: 'commit-below', operation: 'commit', top: 'c', base: 'b' },
      { kind: 'commit-further', operation: 'commit', top: 'c', base: 'a' },
      { kind: 'commit-further', operation: 'commit', top: 'c', base: 'base' },
      { kind: 'pull-above', operation: 'pull', into: 'active', from: 'c', deleteUnused: false },
      { kind: 'pull-below', operation: 'pull', into: 'c', from: 'b', deleteUnused: false },
      { kind: 'pull-all', operation: 'flatten', imageId: 'c' },
      { kind: 'delete', operation: 'delete', imageId: 'c', mode: 'auto' },
    ]);
  });

  it('offers a run: merged into its lowest, all of it into the layer below, up into the layer above', () => {
    expect(requests(1, 2)).toEqual([
      { kind: 'merge-run', operation: 'commit', top: 'c', base: 'b' },
      { kind: 'commit-below', operation: 'commit', top: 'c', base: 'a' },
      { kind: 'commit-further', operation: 'commit', top: 'c', base: 'base' },
      { kind: 'pull-above', operation: 'pull', into: 'active', from: 'b', deleteUnused: false },
      { kind: 'pull-run', operation: 'pull', into: 'c', from: 'b', deleteUnused: false },
    ]);
  });

  it('never offers to commit the base or to pull above the active layer', () => {
    expect(requests(4, 4).map(({ kind }) => kind)).toEqual(['pull-above', 'delete']);
    expect(requests(0, 0).map(({ kind }) => kind)).not.toContain('pull-above');
    expect(conceivableActions(['only'], { upper: 0, lower: 0 })).toEqual([]);
    expect(conceivableActions(['fork'], { upper: 0, lower: 0 }, true)).toMatchObject([{ kind: 'delete' }]);
  });

  it('offers the pull of everything once where the layer below is the base', () => {
    expect(requests(3, 3).filter(({ kind }) => kind.startsWith('pull') && kind !== 'pull-above')).toEqual([
      { kind: 'pull-all', operation: 'flatten', imageId: 'a' },
    ]);
  });

  it('names the layers whose data moves', () => {
    const [merge, below] = conceivableActions(chain, { upper: 1, lower: 2 });
    expect(merge).toMatchObject({ sources: ['c'], target: 'b' });
    expect(below).toMatchObject({ sources: ['c', 'b'], target: 'a' });
  });
});

const one = (index: number) => ({ upper: index, lower: index });

describe('dragging a layer', () => {
  it('down onto another proposes to commit it there', () => {
    expect(draggedAction(chain, one(1), 3)?.request).toEqual({ operation: 'commit', top: 'c', base: 'a' });
    expect(draggedAction(chain, one(0), 1)?.request).toEqual({
      operation: 'commit',
      top: 'active',
      base: 'c',
    });
  });
  it('up onto another proposes to pull it there, with what lies between', () => {
    expect(draggedAction(chain, one(3), 1)).toMatchObject({
      request: { operation: 'pull', into: 'c', from: 'a' },
      sources: ['b', 'a'],
    });
  });
  it('takes the selected run along', () => {
    expect(draggedAction(chain, { upper: 1, lower: 2 }, 4)?.request).toEqual({
      operation: 'commit',
      top: 'c',
      base: 'base',
    });
    expect(draggedAction(chain, { upper: 1, lower: 2 }, 0)).toMatchObject({ sources: ['c', 'b'] });
  });
  it('onto itself proposes nothing', () => {
    expect(draggedAction(chain, one(2), 2)).toBeUndefined();
    expect(draggedAction(chain, { upper: 1, lower: 2 }, 2)).toBeUndefined();
  });
});

describe('the keys', () => {
  const alt = (key: string) => ({ key, altKey: true });
  it('Alt with an arrow does what dragging to the layer beside does', () => {
    expect(keyedAction(chain, one(1), alt('ArrowDown'))?.request).toMatchObject({ top: 'c', base: 'b' });
    expect(keyedAction(chain, { upper: 1, lower: 2 }, alt('ArrowUp'))?.request).toMatchObject({
      into: 'active',
      from: 'b',
    });
    expect(keyedAction(chain, one(4), alt('ArrowDown'))).toBeUndefined();
    expect(keyedAction(chain, one(0), alt('ArrowUp'))).toBeUndefined();
  });
  it('Delete proposes to delete a single layer', () => {
    const key = { key: 'Delete', altKey: false };
    expect(keyedAction(chain, one(2), key)?.request).toMatchObject({ operation: 'delete', imageId: 'b' });
    expect(keyedAction(chain, { upper: 1, lower: 2 }, key)).toBeUndefined();
  });
});
