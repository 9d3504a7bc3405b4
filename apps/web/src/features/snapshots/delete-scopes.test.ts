import type { Snapshot } from '@strata/contract';
import { describe, expect, it } from 'vitest';
import { betweenOf, branchUp } from './delete-scopes.ts';

const parents: Record<string, string | null> = { a: null, b: 'a', c: 'b', d: 'c', side: 'b' };
const all = Object.entries(parents).map(([id, parentId]) => ({ id, parentId }) as Snapshot);
const byId = new Map(all.map((snapshot) => [snapshot.id, snapshot]));
const at = (id: string) => byId.get(id) ?? all[0] ?? ({} as Snapshot);
const ids = (list: readonly Snapshot[] | null) => list?.map(({ id }) => id);

describe('what a deletion of several means', () => {
  it('is what lies between two of one branch, whichever was chosen first', () => {
    expect(ids(betweenOf(byId, at('a'), at('d')))).toEqual(['c', 'b']);
    expect(ids(betweenOf(byId, at('d'), at('a')))).toEqual(['c', 'b']);
    expect(ids(betweenOf(byId, at('a'), at('b')))).toEqual([]);
  });
  it('is nothing between two branches', () => {
    expect(betweenOf(byId, at('side'), at('d'))).toBeNull();
  });
  it('follows a branch up to its first', () => {
    expect(ids(branchUp(byId, 'd'))).toEqual(['d', 'c', 'b', 'a']);
    expect(ids(branchUp(byId, null))).toEqual([]);
  });
});
