import { useCallback, useState } from 'react';
import type { Selection } from './selection.ts';

/** What is selected; the layer that an address means, as long as nothing else was chosen since. */
export function useMarkedSelection(
  marked: string | undefined,
  onSelected: ((imageId: string | null) => void) | undefined,
): readonly [Selection | null, (selection: Selection | null) => void] {
  const [selection, setSelection] = useState<Selection | null>(only(marked));
  const [seen, setSeen] = useState(marked);
  if (marked !== seen) {
    setSeen(marked);
    if (marked !== undefined) setSelection(only(marked));
  }
  const choose = useCallback(
    (next: Selection | null) => {
      setSelection(next);
      onSelected?.(next?.focus ?? null);
    },
    [onSelected],
  );
  return [selection, choose];
}

const only = (layer: string | undefined): Selection | null =>
  layer === undefined ? null : { anchor: layer, focus: layer };
