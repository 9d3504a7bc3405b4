import { type ForestNode, type ForestTrees, nodesOf } from './forest-tree.ts';

/** In the units of the drawing: pixels at zoom 1. */
export const nodeWidth = 200;
export const nodeHeight = 62;
const gap = 20;
export const slot = nodeWidth + gap;
export const storey = nodeHeight + 34;
const betweenTrees = 28;
export const betweenRows = 64;
export const titleHeight = 44;
/** Trees taller than this stand first, beside each other: one among low ones would make its row as high. */
const tall = 8;
/** Of the picture: about that of a screen. */
const widthToHeight = 1.6;

export interface Place {
  readonly node: ForestNode;
  /** Its upper left corner. */
  readonly x: number;
  readonly y: number;
  /** The row of trees it is in, from the top. */
  readonly row: number;
}
export interface Ground {
  readonly x: number;
  readonly y: number;
  readonly width: number;
}
export interface GroveTitle {
  readonly grove: keyof ForestTrees;
  readonly count: number;
  readonly x: number;
  readonly y: number;
}
export interface ForestLayout {
  /** By node id, in reading order: row by row, tree by tree, each from the ground up. */
  readonly places: ReadonlyMap<string, Place>;
  readonly grounds: readonly Ground[];
  readonly titles: readonly GroveTitle[];
  readonly width: number;
  readonly height: number;
}

interface Tree {
  readonly root: ForestNode;
  readonly slots: number;
  readonly levels: number;
}

const groves = ['chains', 'media', 'strays'] as const;

/**
 * Rows of trees, each with its base on the ground and its layers above:
 *
 *      vm      vm  overlay
 *      |        |    |
 *     layer    layer-+        vm
 *        +---+---+             |
 *           base              base
 *     ─────────────────────────────── ground
 *
 * A subtree has the slots of its tips to itself, so no edge crosses another or runs through a node. The order is
 * by name, and the width of the rows grows only in steps, so that a change moves no more than what is beside it.
 */
export function layOut(trees: ForestTrees): ForestLayout {
  const measured = groves.map((grove) => ({ grove, trees: trees[grove].map(measure).sort(tallFirst) }));
  const rows = rowsOfScreen(measured.map((each) => each.trees));
  const places = new Map<string, Place>();
  const grounds: Ground[] = [];
  const titles: GroveTitle[] = [];
  let top = 0;
  for (const [index, { grove, trees: members }] of measured.entries()) {
    if (members.length === 0) continue;
    titles.push({ grove, count: members.length, x: 0, y: top });
    top += titleHeight;
    for (const row of rows[index] ?? []) {
      const ground = top + heightOf(row);
      let left = 0;
      for (const tree of row) {
        place(tree, left, ground, grounds.length, places);
        left += widthOf(tree) + betweenTrees;
      }
      grounds.push({ x: -gap, y: ground, width: left - betweenTrees + 2 * gap });
      top = ground + betweenRows;
    }
  }
  const width = Math.max(nodeWidth, ...grounds.map((ground) => ground.width - 2 * gap));
  return { places, grounds, titles, width, height: Math.max(0, top - betweenRows) };
}

const widthOf = ({ slots }: Tree) => slots * slot - gap;

function measure(root: ForestNode): Tree {
  let levels = 0;
  let slots = 0;
  for (const { level, children } of nodesOf([root])) {
    levels = Math.max(levels, level + 1);
    if (children.length === 0) slots += 1;
  }
  return { root, levels, slots };
}

/** In powers of two, so that one layer more rarely moves a tree to another place. Sorting keeps the names' order. */
const heightClass = ({ levels }: Tree) => (levels <= tall ? 0 : Math.ceil(Math.log2(levels)));
const tallFirst = (a: Tree, b: Tree) => heightClass(b) - heightClass(a);

/** The rows of each grove, all as wide as makes the picture a screen's shape; in steps of √2, for the same reason. */
function rowsOfScreen(members: readonly (readonly Tree[])[]): Tree[][][] {
  const widest = members.flat().reduce((sum, tree) => sum + widthOf(tree) + betweenTrees, 0);
  for (let rowWidth = 4 * slot; ; rowWidth *= Math.SQRT2) {
    const rows = members.map((trees) => fill(trees, rowWidth));
    const height = rows.flat().reduce((sum, row) => sum + heightOf(row) + betweenRows, 0);
    if (rowWidth >= widest || rowWidth >= height * widthToHeight) return rows;
  }
}

function heightOf(row: readonly Tree[]): number {
  const levels = row.reduce((most, tree) => Math.max(most, tree.levels), 0);
  return levels * storey - (storey - nodeHeight);
}

/** Trees into rows, in their order. */
function fill(trees: readonly Tree[], rowWidth: number): Tree[][] {
  const rows: Tree[][] = [];
  let left = Number.POSITIVE_INFINITY;
  for (const tree of trees) {
    const width = widthOf(tree);
    if (left + width > rowWidth) {
      rows.push([]);
      left = 0;
    }
    rows.at(-1)?.push(tree);
    left += width + betweenTrees;
  }
  return rows;
}

/** Tips get slots from left to right; what they stand on goes to the middle below them. */
function place(tree: Tree, left: number, ground: number, row: number, places: Map<string, Place>): void {
  const nodes = [...nodesOf([tree.root])];
  const xs = new Map<string, number>();
  let next = left;
  for (const { id, children } of nodes) {
    if (children.length > 0) continue;
    xs.set(id, next);
    next += slot;
  }
  // Reversed, so that all that stands on a node has its place before the node does.
  for (const { id, children } of nodes.toReversed()) {
    const first = xs.get(children[0]?.id ?? '');
    const last = xs.get(children.at(-1)?.id ?? '');
    if (first !== undefined && last !== undefined) xs.set(id, (first + last) / 2);
  }
  for (const node of nodes) {
    const y = ground - node.level * storey - nodeHeight;
    places.set(node.id, { node, x: xs.get(node.id) ?? left, y, row });
  }
}
