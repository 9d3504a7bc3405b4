import { useThrottledCallback } from '@mantine/hooks';
import { skipToken, useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useRef } from 'react';
import { snapshotsQuery } from '../../api/queries.ts';
import { flatSnapshots } from '../snapshots/flat-snapshots.ts';

/** A held key does not write every layer into the address. */
const restMs = 250;

/**
 * Which layers the address means: `?layer=IMAGE`, or those that `?snapshot=ID` points to, by disk. And the other way:
 * the layer that is selected here is kept in the address, so that the Snapshots tab finds what points to it.
 */
export function useLayerAddress(vmId: string) {
  const { layer, snapshot: snapshotId } = useSearch({ from: '/vms/$vmId/layers' });
  const navigate = useNavigate();
  const sent = useRef<string | null>(null);
  const tree = useQuery({
    ...snapshotsQuery(vmId),
    ...(snapshotId === undefined ? { queryFn: skipToken } : {}),
  }).data;
  const snapshot =
    tree && snapshotId !== undefined ? flatSnapshots(tree).find(({ id }) => id === snapshotId) : undefined;

  const select = useThrottledCallback((imageId: string | null, view: { disk?: string; tip?: string }) => {
    sent.current = imageId;
    void navigate({
      to: '/vms/$vmId/layers',
      params: { vmId },
      search: { ...view, ...(imageId === null ? {} : { layer: imageId }) },
      replace: true,
    });
  }, restMs);
  /** The layer that is meant on a disk. */
  const markedOn = (diskId: string): string | undefined => {
    if (layer !== undefined) return layer === sent.current ? undefined : layer;
    return snapshot?.disks.find((disk) => disk.diskId === diskId)?.imageId;
  };
  return { markedOn, select };
}
