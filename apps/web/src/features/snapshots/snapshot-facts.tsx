import { UnstyledButton } from '@mantine/core';
import type { Snapshot, Vm } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { imagesQuery } from '../../api/queries.ts';
import { useImageNames } from '../../api/use-image-names.ts';
import { words } from '../../lib/words.ts';
import { Bytes } from '../../ui/bytes.tsx';
import { When } from '../../ui/when.tsx';
import { LookInsideButton } from '../inside/look-inside-button.tsx';
import { diskName } from '../layers/disk-name.ts';
import classes from './snapshot-details.module.css';
import { worthOf } from './snapshot-kind.ts';

interface SnapshotFactsProps {
  vm: Vm;
  snapshot: Snapshot;
  parent: Snapshot | null;
  onSelect: (id: string) => void;
}

export function SnapshotFacts({ vm, snapshot, parent, onSelect }: SnapshotFactsProps) {
  const { facts, consistency, consistencyWhy } = words.snapshots;
  const worth = worthOf(snapshot);
  return (
    <dl className={classes.facts}>
      <Fact label={facts.taken}>
        <When at={snapshot.createdAt} />
        {parent === null ? null : (
          <>
            {' · '}
            {facts.after}{' '}
            <UnstyledButton className={classes.link} onClick={() => onSelect(parent.id)}>
              {parent.name}
            </UnstyledButton>
          </>
        )}
      </Fact>
      <Fact label={facts.worth}>
        <strong className={classes.worth}>{consistency[worth]}</strong>
        <span className={classes.why}>{consistencyWhy[worth]}</span>
      </Fact>
      {snapshot.pauseMs === undefined ? null : (
        <Fact label={facts.pause}>{words.snapshots.pausedFor(snapshot.pauseMs)}</Fact>
      )}
      <Fact label={facts.own}>
        {snapshot.sizes.own === null ? facts.notKnown : <Bytes value={snapshot.sizes.own} />}
      </Fact>
      <Deleting snapshot={snapshot} />
      {snapshot.memoryBytes === undefined ? null : (
        <Fact label={snapshot.memoryInFile ? facts.memory : facts.memoryInside}>
          <Bytes value={snapshot.memoryBytes} />
        </Fact>
      )}
      {snapshot.hardware === null ? null : (
        <Fact label={facts.hardware}>{words.snapshots.hardwareThen(snapshot.hardware)}</Fact>
      )}
      <Fact label={facts.disks}>
        <SnapshotDisks vm={vm} snapshot={snapshot} />
      </Fact>
    </dl>
  );
}

/** What it would give back; nothing is said of that where it cannot be done. */
function Deleting({ snapshot: { deleteRefusal, sizes } }: { snapshot: Snapshot }) {
  const { facts } = words.snapshots;
  if (deleteRefusal !== undefined)
    return (
      <Fact label={facts.deleting}>
        {facts.notNow} <span className={classes.why}>{deleteRefusal}</span>
      </Fact>
    );
  if (sizes.freed === null) return null;
  return <Fact label={facts.freed}>{sizes.freed === 0 ? facts.nothing : <Bytes value={sizes.freed} />}</Fact>;
}

export function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </>
  );
}

/** Each disk with the layer it points to, which the Layers tab then marks. */
function SnapshotDisks({ vm, snapshot }: { vm: Vm; snapshot: Snapshot }) {
  const images = useQuery(imagesQuery()).data?.items;
  const nameOf = useImageNames();
  const { snapshots } = words;
  return (
    <ul className={classes.disks}>
      {snapshot.disks.map(({ diskId, imageId, internalTag }) => {
        const index = vm.disks.findIndex(({ id }) => id === diskId);
        const image = images?.find(({ id }) => id === imageId);
        return (
          <li key={diskId}>
            <span className={classes.disk}>
              {index < 0 ? snapshots.removedDisk : diskName(vm.disks, index)}
            </span>
            <Link
              to="/vms/$vmId/layers"
              params={{ vmId: vm.id }}
              search={{ snapshot: snapshot.id }}
              className={classes.link}
            >
              {image ? nameOf(image) : imageId}
            </Link>
            {internalTag === undefined ? null : (
              <span className={classes.why}>{snapshots.tagInside(internalTag)}</span>
            )}
            <LookInsideButton size="compact-xs" imageId={imageId} tag={internalTag} />
          </li>
        );
      })}
      {snapshot.disks.length < vm.disks.length ? (
        <li className={classes.partly}>{snapshots.onlyDisks(snapshot.disks.length, vm.disks.length)}</li>
      ) : null}
    </ul>
  );
}
