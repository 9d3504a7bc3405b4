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

export type FoldedRow<Layer> = AlignedRow<Layer> | { readonly folded: number };

/** Folds long runs of layers that nothing happens to: a plan on a chain of 200 shows where it happens. */
export function foldUnchanged<Layer extends { readonly imageId: string }>(
  rows: readonly AlignedRow<Layer>[],
  touched: ReadonlySet<string>,
  keep = 1,
): FoldedRow<Layer>[] {
  const quiet = rows.map(
    ({ before, after }) => before !== null && after !== null && !touched.has(before.imageId),
  );
  const near = (index: number) =>
    index === 0 ||
    index === rows.length - 1 ||
    quiet.slice(Math.max(0, index - keep), index + keep + 1).some((each) => !each);
  const folded: FoldedRow<Layer>[] = [];
  let hidden: AlignedRow<Layer>[] = [];
  const flush = () => {
    // A line that says "1 layer" saves nothing over the layer itself.
    if (hidden.length > 2) folded.push({ folded: hidden.length });
    else folded.push(...hidden);
    hidden = [];
  };
  rows.forEach((row, index) => {
    if (near(index)) {
      flush();
      folded.push(row);
    } else hidden.push(row);
  });
  flush();
  return folded;
}
