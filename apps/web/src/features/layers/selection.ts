/** A contiguous run of layers, by the images' ids so that it survives a chain that changes under it. */
export interface Selection {
  /** Where the run was begun. */
  readonly anchor: string;
  /** Where it ends now, and where the keyboard is. */
  readonly focus: string;
}
/** Indexes into the chain, top first, both inclusive. */
export interface Run {
  readonly upper: number;
  readonly lower: number;
}

export function runOf(chain: readonly string[], selection: Selection | null): Run | null {
  if (selection === null) return null;
  const anchor = chain.indexOf(selection.anchor);
  const focus = chain.indexOf(selection.focus);
  if (anchor < 0 || focus < 0) return null;
  return { upper: Math.min(anchor, focus), lower: Math.max(anchor, focus) };
}

/** A click: that layer alone; with shift: the run from the anchor to it. A click on the only selected one lets go. */
export function click(
  chain: readonly string[],
  selection: Selection | null,
  layer: string,
  shift: boolean,
): Selection | null {
  const live = runOf(chain, selection) === null ? null : selection;
  if (live === null) return { anchor: layer, focus: layer };
  if (shift) return { anchor: live.anchor, focus: layer };
  if (live.anchor === layer && live.focus === layer) return null;
  return { anchor: layer, focus: layer };
}

/** A key among the rows. Returns the selection unchanged for keys that mean nothing here. */
export function press(
  chain: readonly string[],
  selection: Selection | null,
  key: string,
  shift: boolean,
): Selection | null {
  if (key === 'Escape') return null;
  const last = chain.length - 1;
  const at = selection === null ? -1 : chain.indexOf(selection.focus);
  const target = targetIndex(key, at, last);
  const focus = target === undefined ? undefined : chain[target];
  if (focus === undefined) return selection;
  const anchor = shift && selection !== null && chain.includes(selection.anchor) ? selection.anchor : focus;
  return { anchor, focus };
}

function targetIndex(key: string, at: number, last: number): number | undefined {
  switch (key) {
    case 'ArrowDown':
      return Math.min(at + 1, last);
    case 'ArrowUp':
      return Math.max(at - 1, 0);
    case 'Home':
      return 0;
    case 'End':
      return last;
    default:
      return undefined;
  }
}
