import type { Snapshot } from '@strata/contract';
import { describe, expect, it } from 'vitest';
import { snapshotRows } from './snapshot-rows.ts';

const at = (hour: number) => `2026-11-23T${String(hour).padStart(2, '0')}:00:00.000Z`;
const snapshot = (name: string, hour: number, children: Snapshot[] = []) =>
  ({ id: name, name, createdAt: at(hour), children }) as unknown as Snapshot;
const drawn = (tree: Snapshot[], current: string | null) =>
  snapshotRows({ tree, current: { snapshotId: current, changed: false } }).map(
    (row) => `${'| '.repeat(row.passing.length)}${row.lane}:${row.snapshot?.name ?? 'HERE'}`,
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
});
