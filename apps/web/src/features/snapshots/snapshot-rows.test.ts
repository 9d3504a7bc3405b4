import type { Snapshot } from '@strata/contract';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { snapshotRows } from './snapshot-rows.ts';

const at = (hour: number) => `2026-11-23T${String(hour).padStart(2, '0')}:00:00.000Z`;
const snapshot = (name: string, hour: number, children: Snapshot[] = []) =>
  ({ id: name, name, createdAt: at(hour), children }) as unknown as Snapshot;
const treeOf = (tree: Snapshot[], current: string | null) => ({
  tree,
  current: { snapshotId: current, changed: false },
  found: [],
});
const drawn = (tree: Snapshot[], current: string | null, wish: Parameters<typeof snapshotRows>[1] = {}) =>
  snapshotRows(treeOf(tree, current), wish).map(
    (row) =>
      `${'| '.repeat(row.passing.length)}${row.lane}:${row.snapshot?.name ?? 'HERE'}${row.hidden > 0 ? ` +${row.hidden}` : ''}${row.hidesHere ? ' here' : ''}`,
  );

describe('the rows of the snapshot tree', () => {
  it('run down in time, with "You are here" behind the current one', () => {
    expect(drawn([snapshot('one', 1, [snapshot('two', 2)])], 'two')).toEqual(['0:one', '0:two', '0:HERE']);
  });

  it('draw side branches first and let the current branch go on straight', () => {
    const tree = [
      snapshot('one', 1, [snapshot('mine', 2), snapshot('tried later', 3, [snapshot('more', 4)])]),
    ];
    expect(drawn(tree, 'mine')).toEqual(['0:one', '| 1:tried later', '| 1:more', '0:mine', '0:HERE']);
  });

  it('let the largest branch go on straight where one is elsewhere', () => {
    const large = snapshot('large', 2, [snapshot('l1', 3), snapshot('l2', 4)]);
    const tree = [snapshot('one', 1, [large, snapshot('small', 5)]), snapshot('two', 6)];
    expect(drawn(tree, 'two')).toEqual([
      '0:one',
      '| 1:small',
      '0:large',
      '| 1:l1',
      '0:l2',
      '0:two',
      '0:HERE',
    ]);
  });

  it('nest a branch of a branch', () => {
    const tree = [
      snapshot('one', 1, [snapshot('side', 2, [snapshot('s1', 3), snapshot('s2', 4)]), snapshot('m', 5)]),
    ];
    expect(drawn(tree, 'm')).toEqual(['0:one', '| 1:side', '| | 2:s1', '| 1:s2', '0:m', '0:HERE']);
  });

  it('say where one is when there is no snapshot, or none that one came from', () => {
    expect(drawn([], null)).toEqual(['0:HERE']);
    expect(drawn([snapshot('one', 1)], null)).toEqual(['0:one', '0:HERE']);
    expect(drawn([snapshot('one', 1)], 'forgotten')).toEqual(['0:one', '0:HERE']);
  });

  it('put "You are here" after the branches when one has reverted to a snapshot in the middle', () => {
    expect(drawn([snapshot('one', 1, [snapshot('two', 2)])], 'one')).toEqual(['0:one', '| 1:two', '0:HERE']);
  });

  it('fold a branch, and say what is not drawn', () => {
    const tree = [snapshot('one', 1, [snapshot('two', 2, [snapshot('three', 3)])])];
    expect(drawn(tree, 'three', { folded: new Set(['two']) })).toEqual(['0:one', '0:two +1 here']);
    expect(drawn(tree, 'three', { folded: new Set(['three']) })).toHaveLength(4);
  });

  it('leave out what is not looked for, and keep the branches of the rest', () => {
    const tree = [snapshot('a1', 1, [snapshot('b1', 2, [snapshot('a2', 3), snapshot('a3', 4)])])];
    const matches = ({ name }: Snapshot) => name.startsWith('a');
    expect(drawn(tree, 'a3', { matches })).toEqual(['0:a1', '| 1:a2', '0:a3', '0:HERE']);
    expect(drawn(tree, 'b1', { matches: () => false })).toEqual(['0:HERE']);
  });

  it('never indent further than the logarithm of their number, and lose none', () => {
    // Each new one continues from any of those before it.
    const anyTree = fc
      .array(fc.nat(), { minLength: 1, maxLength: 200 })
      .chain((parents) => fc.record({ parents: fc.constant(parents), current: fc.nat(parents.length - 1) }));
    fc.assert(
      fc.property(anyTree, ({ parents, current }) => {
        const all = parents.map((_, index) => snapshot(`s${index}`, index % 24));
        const roots: Snapshot[] = [];
        parents.forEach((parent, index) => {
          const own = all[index];
          if (own !== undefined) (all[(parent % (index + 1)) - 1]?.children ?? roots).push(own);
        });
        const rows = snapshotRows(treeOf(roots, `s${current}`));
        expect(new Set(rows.map(({ id }) => id)).size).toBe(parents.length + 1);
        expect(rows.at(-1)?.id).toBe('current');
        const lanes = Math.max(...rows.map(({ lane }) => lane));
        expect(lanes).toBeLessThanOrEqual(1 + Math.log2(parents.length + 1));
      }),
    );
  });
});
