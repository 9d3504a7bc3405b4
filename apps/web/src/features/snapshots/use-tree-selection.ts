import { useThrottledCallback } from '@mantine/hooks';
import type { Snapshot } from '@strata/contract';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useMemo, useRef, useState } from 'react';
import { hereId } from './snapshot-rows.ts';
import { selectOne, stillThere, type TreeSelection } from './tree-selection.ts';

/** A held key does not write every row into the address. */
const restMs = 250;

/**
 * What is selected, kept in the address: `?snapshot=ID` names it, `?layer=IMAGE` selects all that point to a layer.
 * So the Layers tab can lead here, and a link to a restore point can be passed on.
 */
export function useTreeSelection(
  vmId: string,
  snapshots: readonly Snapshot[],
): readonly [TreeSelection, (selection: TreeSelection) => void] {
  const { snapshot, layer } = useSearch({ from: '/vms/$vmId/snapshots' });
  const navigate = useNavigate();
  const [chosen, setChosen] = useState<TreeSelection | null>(null);
  const known = useMemo(() => new Set([hereId, ...snapshots.map(({ id }) => id)]), [snapshots]);
  const asked = layer === undefined ? (snapshot ?? hereId) : `layer ${layer}`;
  const [seen, setSeen] = useState(asked);
  const sent = useRef(new Set<string>());
  if (asked !== seen) {
    setSeen(asked);
    // An address that is not of our own writing was followed from elsewhere.
    if (!sent.current.has(asked)) setChosen(null);
  }
  const addressed = useMemo(() => {
    const ids =
      layer === undefined
        ? [snapshot ?? hereId]
        : snapshots.filter(({ disks }) => disks.some(({ imageId }) => imageId === layer)).map(({ id }) => id);
    const first = ids[0] ?? hereId;
    return { anchor: first, focus: first, ids: ids.length === 0 ? [first] : ids };
  }, [layer, snapshot, snapshots]);
  const selection = stillThere(chosen ?? addressed, known) ?? selectOne(hereId);

  const write = useThrottledCallback((focus: string) => {
    sent.current.add(focus);
    void navigate({
      to: '/vms/$vmId/snapshots',
      params: { vmId },
      search: focus === hereId ? {} : { snapshot: focus },
      replace: true,
    });
  }, restMs);
  // Once the address has caught up, what comes next may come from elsewhere.
  useEffect(() => {
    if (asked === chosen?.focus) sent.current.clear();
  }, [asked, chosen]);
  const select = (next: TreeSelection) => {
    setChosen(next);
    write(next.focus);
  };
  return [selection, select];
}
