import { endpoints } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useMemo } from 'react';
import { callBinary } from '../../api/call.ts';

/** The screen at the moment of taking. Fetched with the token, so it is a blob and not an address. */
export function useSnapshotPicture(vmId: string, snapshotId: string): string | null {
  const picture = useQuery({
    queryKey: ['snapshot-pictures', vmId, snapshotId],
    queryFn: ({ signal }) =>
      callBinary(endpoints.getSnapshotScreenshot, { params: { id: vmId, sid: snapshotId }, signal }),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const url = useMemo(
    () => (picture.data === undefined ? null : URL.createObjectURL(picture.data)),
    [picture.data],
  );
  useEffect(() => () => void (url !== null && URL.revokeObjectURL(url)), [url]);
  return url;
}
