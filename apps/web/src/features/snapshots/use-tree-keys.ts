import { type KeyboardEvent, useRef } from 'react';
import { words } from '../../lib/words.ts';
import type { SnapshotRow } from './snapshot-rows.ts';
import { clickRow, keyTarget, selectOne, type TreeSelection, toggle, typedTarget } from './tree-selection.ts';

export interface TreeActs {
  onSelection: (selection: TreeSelection) => void;
  onFold: (id: string) => void;
  /** Enter. */
  onRevert: () => void;
  onDelete: () => void;
  onRename: () => void;
}

interface TreeKeys extends TreeActs {
  rows: readonly SnapshotRow[];
  selection: TreeSelection;
}

/** Letters that follow each other this quickly are one word. */
const typingMs = 700;

const nameOf = ({ snapshot }: SnapshotRow) => snapshot?.name ?? words.snapshots.here;

/** The keys of the tree, all of its rows'. */
export function useTreeKeys(tree: TreeKeys): (event: KeyboardEvent) => void {
  const typed = useRef({ text: '', at: 0 });
  const latest = useRef(tree);
  latest.current = tree;
  return (event) => {
    const { rows, selection, onSelection } = latest.current;
    const focused = rows.find(({ id }) => id === selection.focus);
    const isTyping = typed.current.text !== '' && event.timeStamp - typed.current.at < typingMs;
    const isLetter = isCharacter(event) && (event.key !== ' ' || isTyping);
    const act = isLetter ? undefined : actOf(event, focused, latest.current);
    if (act !== undefined) {
      event.preventDefault();
      return act();
    }
    if (isLetter) {
      // The same letter again goes to the next one that begins with it.
      const goesOn = isTyping && typed.current.text !== event.key;
      typed.current = { text: goesOn ? typed.current.text + event.key : event.key, at: event.timeStamp };
    }
    const target = isLetter
      ? typedTarget(rows, selection.focus, typed.current.text, nameOf)
      : keyTarget(rows, selection.focus, event.key);
    if (target === undefined) return;
    event.preventDefault();
    if (event.shiftKey && !isLetter)
      return onSelection(clickRow(rows, selection, target.id, { shift: true, ctrl: false }));
    onSelection(event.ctrlKey ? { ...selection, focus: target.id } : selectOne(target.id));
  };
}

const isCharacter = ({ key, ctrlKey, metaKey, altKey }: KeyboardEvent) =>
  key.length === 1 && !ctrlKey && !metaKey && !altKey;

/** What a key does with the row itself, when it does not lead to another. */
function actOf(
  event: KeyboardEvent,
  focused: SnapshotRow | undefined,
  { rows, selection, ...acts }: TreeKeys,
): (() => void) | undefined {
  const { key } = event;
  if (key === 'Enter') return acts.onRevert;
  if (key === 'Delete') return acts.onDelete;
  if (key === 'F2') return acts.onRename;
  if (key === ' ' && focused !== undefined) return () => acts.onSelection(toggle(selection, focused.id));
  if (key === 'Escape' && selection.ids.length > 1) return () => acts.onSelection(selectOne(selection.focus));
  if (key === 'a' && (event.ctrlKey || event.metaKey))
    return () =>
      acts.onSelection({
        ...selection,
        ids: rows.flatMap(({ id, snapshot }) => (snapshot === null ? [] : [id])),
      });
  if (focused?.foldable !== true) return undefined;
  const folds = key === 'ArrowLeft' && focused.hidden === 0;
  const opens = key === 'ArrowRight' && focused.hidden > 0;
  return folds || opens ? () => acts.onFold(focused.id) : undefined;
}
