import type { Snapshot, SnapshotTree } from '@strata/contract';

/** A line of the drawn tree. The last row of a branch stands lowest: time runs downwards. */
export interface SnapshotRow {
  /** Null: "You are here". */
  readonly snapshot: Snapshot | null;
  /** The column of its mark. */
  readonly lane: number;
  /** The column of what it continues from; null for a root. */
  readonly parentLane: number | null;
  /** Columns whose line passes this row on its way down. */
  readonly passing: readonly number[];
  /** Whether something continues from it further down. */
  readonly continues: boolean;
}

/**
 * The tree as rows. A branch stays in its column as long as it does not fork; at a fork the side branches are
 * drawn first, one column to the right, and the way to "You are here" goes on straight.
 *
 *     ● clean install
 *     ├─● try php 8.3        (a side branch)
 *     ● before upgrade
 *     ◎ You are here
 */
export function snapshotRows(tree: SnapshotTree): SnapshotRow[] {
  const rows: SnapshotRow[] = [];
  const roots: Node[] = tree.tree.map((snapshot) => nodeOf(snapshot, tree.current.snapshotId));
  if (tree.current.snapshotId === null || !roots.some(({ here }) => here))
    roots.push({ snapshot: null, here: true, children: [] });
  for (const root of sorted(roots)) emit(root, 0, null, [], rows);
  return rows;
}

interface Node {
  readonly snapshot: Snapshot | null;
  /** Whether "You are here" is it or hangs below it. */
  readonly here: boolean;
  readonly children: readonly Node[];
}

function nodeOf(snapshot: Snapshot, current: string | null): Node {
  const children: Node[] = snapshot.children.map((child) => nodeOf(child, current));
  if (snapshot.id === current) children.push({ snapshot: null, here: true, children: [] });
  return { snapshot, children, here: children.some(({ here }) => here) };
}

/** By time; the branch one is on, and "You are here" itself, last. */
function sorted(nodes: readonly Node[]): Node[] {
  return [...nodes].sort(
    (a, b) =>
      Number(a.here) - Number(b.here) ||
      (a.snapshot?.createdAt ?? '').localeCompare(b.snapshot?.createdAt ?? ''),
  );
}

function emit(node: Node, lane: number, parentLane: number | null, passing: number[], rows: SnapshotRow[]) {
  const children = sorted(node.children);
  rows.push({ snapshot: node.snapshot, lane, parentLane, passing, continues: children.length > 0 });
  children.forEach((child, index) => {
    const straight = index === children.length - 1;
    if (straight) emit(child, lane, lane, passing, rows);
    else emit(child, lane + 1, lane, [...passing, lane], rows);
  });
}
