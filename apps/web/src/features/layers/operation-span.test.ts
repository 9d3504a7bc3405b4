import { describe, expect, it } from 'vitest';
import { mergesAway, operationSpans } from './operation-span.ts';

const images = (...ids: string[]) => ids.map((id) => ({ kind: 'image' as const, id, name: id }));
const moves = (...pairs: string[]) =>
  pairs.map((pair) => {
    const [from = '', to = ''] = pair.split('>');
    return { from, to };
  });
const chain = ['active', 'b', 'a', 'base'];

describe('the arrow of a running operation', () => {
  it('leads from the layers whose data moves to the one that receives it', () => {
    const commit = { kind: 'commit' as const, subjects: [], moves: moves('b>base', 'a>base') };
    expect(operationSpans(commit, chain)).toEqual([{ target: 3, sources: [1, 2], direction: 'down' }]);
    const pull = { kind: 'pull' as const, subjects: [], moves: moves('b>active', 'a>active') };
    expect(operationSpans(pull, chain)).toEqual([{ target: 0, sources: [1, 2], direction: 'up' }]);
  });
  it('is drawn for a deletion and a rebase too, on the branch that one looks at', () => {
    const deletion = { kind: 'delete' as const, subjects: [], moves: moves('a>b', 'a>elsewhere') };
    expect(operationSpans(deletion, chain)).toEqual([{ target: 1, sources: [2], direction: 'up' }]);
    const rebase = { kind: 'rebase' as const, subjects: [], moves: moves('base>a') };
    expect(operationSpans(rebase, chain)).toEqual([{ target: 2, sources: [3], direction: 'up' }]);
  });
  it('stands at the receiving layer alone when the others are not in this chain (any more)', () => {
    const commit = { kind: 'commit' as const, subjects: [], moves: moves('merged>a') };
    expect(operationSpans(commit, chain)).toEqual([{ target: 2, sources: [], direction: 'down' }]);
  });
  it('has no direction when only a link changes or a file goes', () => {
    const relink = { kind: 'rebase' as const, subjects: images('a', 'base') };
    expect(operationSpans(relink, chain)).toEqual([{ target: 2, sources: [], direction: null }]);
  });
  it('tells which files go with it: what is committed, also when that holds nothing', () => {
    const commit = { kind: 'commit' as const, subjects: images('b', 'a', 'base') };
    const moving = { ...commit, moves: moves('b>base', 'a>base') };
    expect(chain.filter((id) => mergesAway(moving, id))).toEqual(['b', 'a']);
    expect(chain.filter((id) => mergesAway(commit, id))).toEqual(['b']);
    expect(chain.filter((id) => mergesAway({ ...moving, kind: 'pull' }, id))).toEqual([]);
  });
  it('is none when the work is elsewhere, or is none on chains', () => {
    expect(operationSpans({ kind: 'commit', subjects: [], moves: moves('x>y') }, chain)).toEqual([]);
    expect(operationSpans({ kind: 'snapshot-take', subjects: images('a', 'b') }, chain)).toEqual([]);
  });
});
