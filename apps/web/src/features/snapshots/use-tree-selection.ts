import type { Snapshot } from '@strata/contract';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useMemo, useRef, useState } from 'react';
import { hereId } from './snapshot-rows.ts';
import { selectOne, stillThere, type TreeSelection } from './tree-selection.ts';

/** The address follows when the keys rest. */
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
  const sent = useRef<string | null>(null);
  if (asked !== seen) {
    setSeen(asked);
    // An address that is not of our own writing was followed from elsewhere.
    if (asked !== sent.current) setChosen(null);
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

  useEffect(() => {
    if (chosen === null) return;
    const timer = setTimeout(() => {
      sent.current = chosen.focus;
      void navigate({
        to: '/vms/$vmId/snapshots',
        params: { vmId },
        search: chosen.focus === hereId ? {} : { snapshot: chosen.focus },
        replace: true,
      });
    }, restMs);
    return () => clearTimeout(timer);
  }, [chosen, navigate, vmId]);
  return [selection, setChosen];
}
