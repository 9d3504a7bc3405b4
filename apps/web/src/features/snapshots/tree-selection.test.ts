import type { Snapshot } from '@strata/contract';
import { describe, expect, it } from 'vitest';
import { snapshotRows } from './snapshot-rows.ts';
import { clickRow, keyTarget, selectOne, stillThere, toggle, typedTarget } from './tree-selection.ts';

const snapshot = (id: string, createdAt: string, children: Snapshot[] = []) =>
  ({ id, name: id, createdAt, children }) as unknown as Snapshot;
/** one → (try, mine → HERE) */
const rows = snapshotRows({
  tree: [snapshot('one', '1', [snapshot('try', '2'), snapshot('mine', '3')])],
  current: { snapshotId: 'mine', changed: false },
  found: [],
});
const held = { shift: false, ctrl: false };

describe('selecting in the tree', () => {
  it('takes one by a click, a run by Shift, single ones by Ctrl', () => {
    const one = clickRow(rows, selectOne('current'), 'one', held);
    expect(one.ids).toEqual(['one']);
    expect(clickRow(rows, one, 'mine', { ...held, shift: true }).ids).toEqual(['one', 'try', 'mine']);
    const two = clickRow(rows, one, 'mine', { ...held, ctrl: true });
    expect(two.ids).toEqual(['one', 'mine']);
    expect(toggle(two, 'one').ids).toEqual(['mine']);
  });

  it('never lets the last one go', () => {
    expect(toggle(selectOne('one'), 'one').ids).toEqual(['one']);
  });

  it('keeps what is still there when snapshots are deleted', () => {
    const all = { anchor: 'one', focus: 'mine', ids: ['one', 'try', 'mine'] };
    expect(stillThere(all, new Set(['try', 'mine']))).toEqual({
      anchor: 'try',
      focus: 'mine',
      ids: ['try', 'mine'],
    });
    expect(stillThere(all, new Set())).toBeNull();
    expect(stillThere(all, new Set(all.ids))).toBe(all);
  });
});

describe('the keys of the tree', () => {
  const to = (key: string, from: string) => keyTarget(rows, from, key)?.id;
  it('walk the rows and stop at the ends', () => {
    expect(to('ArrowDown', 'one')).toBe('try');
    expect(to('ArrowUp', 'one')).toBe('one');
    expect(to('ArrowDown', 'current')).toBe('current');
    expect(to('End', 'one')).toBe('current');
    expect(to('Home', 'mine')).toBe('one');
  });
  it('lead left to what a snapshot continues from, and right to what continues from it', () => {
    expect(to('ArrowLeft', 'mine')).toBe('one');
    expect(to('ArrowLeft', 'one')).toBeUndefined();
    expect(to('ArrowRight', 'one')).toBe('try');
    expect(to('ArrowRight', 'try')).toBeUndefined();
  });
  it('find a name by its first letters, and the next one by the same letter again', () => {
    const typed = (letters: string, from: string) =>
      typedTarget(rows, from, letters, (row) => row.snapshot?.name ?? 'You are here')?.id;
    expect(typed('m', 'one')).toBe('mine');
    expect(typed('m', 'mine')).toBe('mine');
    expect(typed('yo', 'mine')).toBe('current');
    expect(typed('x', 'mine')).toBeUndefined();
  });
});
