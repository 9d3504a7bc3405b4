import type { Snapshot, SnapshotTree } from '@strata/contract';

/** The id of "You are here" among the rows: no snapshot has it. */
export const hereId = 'current';

/** A line of the drawn tree. The last row of a branch stands lowest: time runs downwards. */
export interface SnapshotRow {
  /** Of its snapshot, or {@link hereId}. */
  readonly id: string;
  /** Null: "You are here". */
  readonly snapshot: Snapshot | null;
  readonly parentId: string | null;
  /** For readers: how deep it stands, and its place among those that continue from the same snapshot. */
  readonly level: number;
  readonly place: number;
  readonly places: number;
  /** The column of its mark. */
  readonly lane: number;
  /** The column of what it continues from; null for a root. */
  readonly parentLane: number | null;
  /** Columns whose line passes this row on its way down. */
  readonly passing: readonly number[];
  /** Whether something continues from it further down. */
  readonly continues: boolean;
  /** Whether it can be folded; folded, how many snapshots are not drawn, and whether one is among these oneself. */
  readonly foldable: boolean;
  readonly hidden: number;
  readonly hidesHere: boolean;
}

interface RowWish {
  readonly folded?: ReadonlySet<string>;
  /** Those that do not match are left out; what continues from them then hangs on what they continued from. */
  readonly matches?: ((snapshot: Snapshot) => boolean) | undefined;
}

/**
 * The tree as rows. A branch stays in its column as long as it does not fork; at a fork the side branches are
 * drawn first, one column to the right, and the way to "You are here" goes on straight, elsewhere the largest
 * branch. So n snapshots need no more than about log2(n) columns, however they are branched.
 *
 *     ● clean install
 *     ├─● try php 8.3        (a side branch)
 *     ● before upgrade
 *     ◎ You are here
 */
export function snapshotRows(
  tree: SnapshotTree,
  { folded = noneFolded, matches }: RowWish = {},
): SnapshotRow[] {
  const rows: SnapshotRow[] = [];
  const roots = tree.tree.flatMap((snapshot) => nodesOf(snapshot, tree.current.snapshotId, matches));
  if (!roots.some(({ here }) => here)) roots.push(hereNode);
  emit({ nodes: sorted(roots), parent: null, lane: 0, passing: [], folded }, rows);
  return rows;
}

const noneFolded: ReadonlySet<string> = new Set();

interface Node {
  readonly snapshot: Snapshot | null;
  /** Whether "You are here" is it or hangs below it. */
  readonly here: boolean;
  /** Snapshots in it, itself included. */
  readonly size: number;
  readonly children: readonly Node[];
}

const hereNode: Node = { snapshot: null, here: true, size: 0, children: [] };

function nodesOf(snapshot: Snapshot, current: string | null, matches: RowWish['matches']): Node[] {
  const children = snapshot.children.flatMap((child) => nodesOf(child, current, matches));
  if (snapshot.id === current) children.push(hereNode);
  if (matches !== undefined && !matches(snapshot)) return children;
  const size = children.reduce((sum, child) => sum + child.size, 1);
  return [{ snapshot, children, size, here: children.some(({ here }) => here) }];
}

/** By time, and last the one that goes on straight: where one is, else the largest. */
function sorted(nodes: readonly Node[]): Node[] {
  const byTime = [...nodes].sort((a, b) =>
    (a.snapshot?.createdAt ?? '').localeCompare(b.snapshot?.createdAt ?? ''),
  );
  const largest = Math.max(...byTime.map(({ size }) => size));
  const straight = byTime.find(({ here }) => here) ?? byTime.findLast(({ size }) => size === largest);
  return straight === undefined ? byTime : [...byTime.filter((node) => node !== straight), straight];
}

interface Siblings {
  readonly nodes: readonly Node[];
  readonly parent: SnapshotRow | null;
  readonly lane: number;
  readonly passing: readonly number[];
  readonly folded: ReadonlySet<string>;
}

function emit({ nodes, parent, lane, passing, folded }: Siblings, rows: SnapshotRow[]): void {
  nodes.forEach((node, index) => {
    const straight = index === nodes.length - 1 || parent === null;
    const id = node.snapshot?.id ?? hereId;
    const isFolded = folded.has(id) && node.size > 1;
    const row: SnapshotRow = {
      id,
      snapshot: node.snapshot,
      parentId: parent?.id ?? null,
      level: (parent?.level ?? 0) + 1,
      place: index + 1,
      places: nodes.length,
      lane: straight ? lane : lane + 1,
      parentLane: parent?.lane ?? null,
      passing: straight ? passing : [...passing, lane],
      continues: node.children.length > 0 && !isFolded,
      foldable: node.size > 1,
      hidden: isFolded ? node.size - 1 : 0,
      hidesHere: isFolded && node.here,
    };
    rows.push(row);
    if (isFolded) return;
    emit({ nodes: sorted(node.children), parent: row, lane: row.lane, passing: row.passing, folded }, rows);
  });
}
