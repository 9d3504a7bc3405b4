import { Modal, UnstyledButton } from '@mantine/core';
import type { Snapshot } from '@strata/contract';
import { useState } from 'react';
import { words } from '../../lib/words.ts';
import classes from './snapshot-details.module.css';
import { useSnapshotPicture } from './use-snapshot-picture.ts';

/** The picture kept with a snapshot; a click shows it in full. */
export function SnapshotPicture({ vmId, snapshot }: { vmId: string; snapshot: Snapshot }) {
  const [large, setLarge] = useState(false);
  const url = useSnapshotPicture(vmId, snapshot.id);
  if (url === null) return <div className={classes.picture} />;
  const alt = words.snapshots.screenshotAlt(snapshot.name);
  return (
    <>
      <UnstyledButton className={classes.pictureButton} onClick={() => setLarge(true)} aria-label={alt}>
        <img className={classes.picture} src={url} alt="" />
      </UnstyledButton>
      <Modal opened={large} onClose={() => setLarge(false)} title={snapshot.name} size="auto">
        <img className={classes.largePicture} src={url} alt={alt} />
      </Modal>
    </>
  );
}
