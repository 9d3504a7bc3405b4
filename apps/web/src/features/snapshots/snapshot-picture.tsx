import { Modal, UnstyledButton } from '@mantine/core';
import { endpoints, type Snapshot } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useState } from 'react';
import { callBinary } from '../../api/call.ts';
import { words } from '../../lib/words.ts';
import classes from './snapshots.module.css';

/** The screen at the moment of taking. Fetched with the token, so it is a blob and not an address. */
export function SnapshotPicture({ vmId, snapshot }: { vmId: string; snapshot: Snapshot }) {
  const [large, setLarge] = useState(false);
  const picture = useQuery({
    queryKey: ['snapshot-pictures', vmId, snapshot.id],
    queryFn: ({ signal }) =>
      callBinary(endpoints.getSnapshotScreenshot, { params: { id: vmId, sid: snapshot.id }, signal }),
  });
  const url = useMemo(
    () => (picture.data === undefined ? null : URL.createObjectURL(picture.data)),
    [picture.data],
  );
  useEffect(() => () => void (url !== null && URL.revokeObjectURL(url)), [url]);
  if (url === null) return <div className={classes.picture} />;
  const alt = words.snapshots.screenshotAlt(snapshot.name);
  return (
    <>
      <UnstyledButton onClick={() => setLarge(true)} aria-label={alt}>
        <img className={classes.picture} src={url} alt="" />
      </UnstyledButton>
      <Modal opened={large} onClose={() => setLarge(false)} title={snapshot.name} size="auto">
        <img src={url} alt={alt} style={{ maxWidth: '100%' }} />
      </Modal>
    </>
  );
}
