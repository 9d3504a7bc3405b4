import type { SnapshotRow } from './snapshot-rows.ts';

/** What is selected in the tree, by ids, so that it survives a tree that changes under it. */
export interface TreeSelection {
  /** Where a run was begun. */
  readonly anchor: string;
  /** Where the keyboard is. */
  readonly focus: string;
  readonly ids: readonly string[];
}

export const selectOne = (id: string): TreeSelection => ({ anchor: id, focus: id, ids: [id] });

/** Without what is gone; null when nothing is left of it. */
export function stillThere(
  selection: TreeSelection | null,
  known: ReadonlySet<string>,
): TreeSelection | null {
  if (selection === null) return null;
  const ids = selection.ids.filter((id) => known.has(id));
  const first = ids[0];
  if (first === undefined) return null;
  const { anchor, focus } = selection;
  if (ids.length === selection.ids.length && known.has(anchor) && known.has(focus)) return selection;
  return { ids, anchor: known.has(anchor) ? anchor : first, focus: known.has(focus) ? focus : first };
}

interface Held {
  readonly shift: boolean;
  readonly ctrl: boolean;
}

/** A click: that one alone; with Shift the run to it, with Ctrl one more or one less. */
export function clickRow(
  rows: readonly SnapshotRow[],
  selection: TreeSelection,
  id: string,
  { shift, ctrl }: Held,
): TreeSelection {
  if (shift) return { anchor: selection.anchor, focus: id, ids: runOf(rows, selection.anchor, id) };
  return ctrl ? toggle(selection, id) : selectOne(id);
}

/** One more or one less; the last one stays. */
export function toggle(selection: TreeSelection, id: string): TreeSelection {
  const without = selection.ids.filter((each) => each !== id);
  const ids = without.length < selection.ids.length ? without : [...without, id];
  return ids.length === 0 ? { ...selection, focus: id } : { anchor: id, focus: id, ids };
}

function runOf(rows: readonly SnapshotRow[], anchor: string, focus: string): readonly string[] {
  const ids = rows.map(({ id }) => id);
  const [a, b] = [ids.indexOf(anchor), ids.indexOf(focus)];
  if (a < 0 || b < 0) return [focus];
  return ids.slice(Math.min(a, b), Math.max(a, b) + 1);
}

/** Where a key leads from the row that has the focus; undefined for keys that lead nowhere. */
export function keyTarget(
  rows: readonly SnapshotRow[],
  focus: string,
  key: string,
  page = 10,
): SnapshotRow | undefined {
  const at = rows.findIndex(({ id }) => id === focus);
  const clamp = (index: number) => rows[Math.min(Math.max(index, 0), rows.length - 1)];
  switch (key) {
    case 'ArrowDown':
      return clamp(at + 1);
    case 'ArrowUp':
      return clamp(at < 0 ? rows.length - 1 : at - 1);
    case 'PageDown':
      return clamp(at + page);
    case 'PageUp':
      return clamp(at - page);
    case 'Home':
      return clamp(0);
    case 'End':
      return clamp(rows.length - 1);
    case 'ArrowLeft':
      return rows.find(({ id }) => id === rows[at]?.parentId);
    case 'ArrowRight':
      return rows[at]?.continues === true ? rows[at + 1] : undefined;
    default:
      return undefined;
  }
}

/** The next row after the focus whose name begins with what was typed; from the focus itself with more letters. */
export function typedTarget(
  rows: readonly SnapshotRow[],
  focus: string,
  typed: string,
  nameOf: (row: SnapshotRow) => string,
): SnapshotRow | undefined {
  const at = rows.findIndex(({ id }) => id === focus);
  const start = typed.length > 1 ? Math.max(at, 0) : at + 1;
  const order = [...rows.slice(start), ...rows.slice(0, start)];
  return order.find((row) => nameOf(row).toLowerCase().startsWith(typed.toLowerCase()));
}
