/** A line of the side-by-side drawing: a layer before, what stands there after, or both. */
export interface AlignedRow<Layer> {
  readonly before: Layer | null;
  readonly after: Layer | null;
}

/**
 * Puts two states of a chain (top first) beside each other: a layer that stays has one row, one that goes
 * leaves a gap after, one that comes a gap before.
 *
 *     active   active
 *     b        ·
 *     a        a
 */
export function alignChains<Layer extends { readonly imageId: string }>(
  before: readonly Layer[],
  after: readonly Layer[],
): AlignedRow<Layer>[] {
  const rows: AlignedRow<Layer>[] = [];
  let next = 0;
  for (const layer of after) {
    const at = before.findIndex(({ imageId }, index) => index >= next && imageId === layer.imageId);
    if (at < 0) {
      rows.push({ before: null, after: layer });
      continue;
    }
    for (; next < at; next += 1) rows.push({ before: before[next] ?? null, after: null });
    rows.push({ before: before[at] ?? null, after: layer });
    next = at + 1;
  }
  for (; next < before.length; next += 1) rows.push({ before: before[next] ?? null, after: null });
  return rows;
}

/** Rows that are told as one, and what they have in common: nothing happens to them, or they all go. */
export interface Fold<Layer> {
  readonly folded: readonly AlignedRow<Layer>[];
  readonly fate: 'quiet' | 'leaving';
}
export type FoldedRow<Layer> = AlignedRow<Layer> | Fold<Layer>;

/** What a fold is known by, whether it is open or not. */
export const foldKey = (fold: Fold<{ readonly imageId: string }>): string =>
  fold.folded[0]?.before?.imageId ?? '';

/** Of layers that all go, so many are shown at either end of their run. */
const leavingShown = 2;

/** Folds long runs that say the same: a plan on a chain of 200 shows where it happens. */
export function foldAlike<Layer extends { readonly imageId: string }>(
  rows: readonly AlignedRow<Layer>[],
  touched: ReadonlySet<string>,
  opened: ReadonlySet<string> = new Set(),
): FoldedRow<Layer>[] {
  const fates = rows.map(({ before, after }): Fold<Layer>['fate'] | 'changing' => {
    if (before === null) return 'changing';
    if (after === null) return 'leaving';
    return touched.has(before.imageId) ? 'changing' : 'quiet';
  });
  const shown: FoldedRow<Layer>[] = [];
  for (let start = 0; start < rows.length; ) {
    const fate = fates[start];
    let end = start;
    while (end < rows.length && fates[end] === fate) end += 1;
    const run = rows.slice(start, end);
    // What stands beside a change is shown, and so are the ends of the chain.
    const keep = fate === 'leaving' ? leavingShown : 1;
    const fold = fate === undefined || fate === 'changing' ? null : { fate, folded: run.slice(keep, -keep) };
    // A line that says "1 layer" saves nothing over the layer itself.
    if (fold === null || fold.folded.length <= 2 || opened.has(foldKey(fold))) shown.push(...run);
    else shown.push(...run.slice(0, keep), fold, ...run.slice(-keep));
    start = end;
  }
  return shown;
}
