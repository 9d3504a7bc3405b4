import { ActionIcon, Button, Menu, Tooltip } from '@mantine/core';
import type { Snapshot, Vm } from '@strata/contract';
import { IconDeviceSdCard, IconDiamond, IconDots, IconPhoto } from '@tabler/icons-react';
import { useNavigate } from '@tanstack/react-router';
import { words } from '../../lib/words.ts';
import { When } from '../../ui/when.tsx';
import { isLive } from '../vms/vm-can.ts';
import { SnapshotGraph } from './snapshot-graph.tsx';
import { SnapshotPicture } from './snapshot-picture.tsx';
import type { SnapshotRow } from './snapshot-rows.ts';
import classes from './snapshots.module.css';
import type { SnapshotAction } from './snapshots-tab.tsx';

interface SnapshotLineProps {
  row: SnapshotRow;
  columns: number;
  vm: Vm;
  changed: boolean;
  onAction: (action: SnapshotAction) => void;
}

export function SnapshotLine({ row, columns, vm, changed, onAction }: SnapshotLineProps) {
  const { snapshot } = row;
  return (
    <li className={classes.row} aria-current={snapshot === null || undefined}>
      <SnapshotGraph row={row} columns={columns} />
      <div className={classes.body}>
        {snapshot === null ? (
          <span className={classes.here}>
            {words.snapshots.here}
            <span className={changed ? classes.changed : classes.unchanged}>{sinceWords(vm, changed)}</span>
          </span>
        ) : (
          <>
            {snapshot.hasScreenshot ? <SnapshotPicture vmId={vm.id} snapshot={snapshot} /> : null}
            <SnapshotText snapshot={snapshot} diskCount={vm.disks.length} />
            <SnapshotActions vm={vm} snapshot={snapshot} onAction={onAction} />
          </>
        )}
      </div>
    </li>
  );
}

/** Of a running guest nobody can say that it writes nothing: only that nothing was seen yet. */
function sinceWords(vm: Vm, changed: boolean): string {
  const { snapshots } = words;
  if (changed) return snapshots.changed;
  return isLive(vm.state) ? snapshots.unchangedYet : snapshots.unchanged;
}

function SnapshotText({ snapshot, diskCount }: { snapshot: Snapshot; diskCount: number }) {
  const { kinds, consistency, consistencyWhy, own, pausedFor } = words.snapshots;
  const [Icon, kind] = snapshot.memory
    ? ([IconPhoto, kinds.memory] as const)
    : snapshot.kind === 'internal'
      ? ([IconDiamond, kinds.internal] as const)
      : ([IconDeviceSdCard, kinds.disk] as const);
  const how = snapshot.vmWasOff ? 'off' : snapshot.consistency;
  return (
    <div className={classes.text}>
      <span className={classes.name}>{snapshot.name}</span>
      {snapshot.description ? <span className={classes.description}>{snapshot.description}</span> : null}
      <span className={classes.facts}>
        <span>
          <Icon size={14} aria-hidden style={{ verticalAlign: '-2px' }} /> {kind}
        </span>
        {snapshot.disks.length < diskCount ? (
          <span className={classes.partly}>
            {words.snapshots.onlyDisks(snapshot.disks.length, diskCount)}
          </span>
        ) : null}
        <When at={snapshot.createdAt} />
        <span>{own(snapshot.sizes.own)}</span>
        <Tooltip label={consistencyWhy[how]}>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard reaches the explanation as well */}
          <span tabIndex={0}>{consistency[how]}</span>
        </Tooltip>
        {snapshot.pauseMs === undefined ? null : <span>{pausedFor(snapshot.pauseMs)}</span>}
      </span>
    </div>
  );
}

interface SnapshotActionsProps {
  vm: Vm;
  snapshot: Snapshot;
  onAction: (action: SnapshotAction) => void;
}

function SnapshotActions({ vm, snapshot, onAction }: SnapshotActionsProps) {
  const navigate = useNavigate();
  const { actions } = words.snapshots;
  const layer = snapshot.disks[0];
  return (
    <>
      <Button size="compact-sm" variant="default" onClick={() => onAction({ kind: 'revert', snapshot })}>
        {actions.revert}
      </Button>
      <Menu>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label={actions.more(snapshot.name)}>
            <IconDots size={16} aria-hidden />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => onAction({ kind: 'branch', snapshot })}>
            {words.copies.branch.menu}
          </Menu.Item>
          <Menu.Item onClick={() => onAction({ kind: 'edit', snapshot })}>{actions.edit}</Menu.Item>
          {layer === undefined ? null : (
            <Menu.Item
              onClick={() =>
                void navigate({
                  to: '/vms/$vmId/layers',
                  params: { vmId: vm.id },
                  search: { disk: layer.diskId, tip: layer.imageId },
                })
              }
            >
              {actions.layers}
            </Menu.Item>
          )}
          <Menu.Divider />
          <Menu.Item color="red" onClick={() => onAction({ kind: 'forget', snapshot })}>
            {actions.forget}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </>
  );
}
