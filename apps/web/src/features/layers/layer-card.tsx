import { Tooltip } from '@mantine/core';
import {
  IconAlertTriangle,
  IconBookmarkFilled,
  IconDiamond,
  IconLock,
  IconPencil,
  IconSnowflake,
} from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { words } from '../../lib/words.ts';
import { Bytes } from '../../ui/bytes.tsx';
import { When } from '../../ui/when.tsx';
import { problemsOf } from '../library/image-list.ts';
import classes from './layer-card.module.css';
import type { LayerModel, Lock } from './layer-model.ts';

/** The VM whose active layer it is. Suspended, its memory waits for exactly this content: nothing may write it. */
export interface LayerWriter {
  readonly name: string;
  readonly state: 'running' | 'suspended' | 'other';
}

interface LayerCardProps {
  layer: LayerModel;
  writer: LayerWriter | null;
  /** Whose chain is shown: snapshots of other VMs carry their VM's name. */
  vmId: string | null;
}

export function LayerCard({ layer, writer, vmId }: LayerCardProps) {
  const { image, position } = layer;
  return (
    <div className={classes.card} style={{ '--layer': layer.colour }}>
      <div className={classes.head}>
        <span className={classes.name} title={image.path}>
          {image.name}
        </span>
        <span className={classes.format}>{image.format}</span>
        <span className={classes.size}>
          <Bytes value={image.allocatedSize} />
        </span>
      </div>
      <div className={classes.chips}>
        <Chip>{roleWord(position, writer !== null)}</Chip>
        {writer ? <WriterChip writer={writer} /> : null}
        {layer.snapshots.map((mark) => (
          <Link
            key={mark.id}
            to="/vms/$vmId/snapshots"
            params={{ vmId: mark.vmId }}
            search={{ snapshot: mark.id }}
            className={classes.chipLink}
            onClick={(event) => event.stopPropagation()}
          >
            <Chip
              kind="snapshot"
              icon={
                mark.tag === undefined ? (
                  <IconBookmarkFilled size={11} aria-hidden />
                ) : (
                  <IconDiamond size={12} aria-hidden />
                )
              }
            >
              {vmId !== null && mark.vmId !== vmId ? `${mark.vmName}: ` : ''}
              {mark.memory ? words.layers.withMemory(mark.name) : mark.name}
            </Chip>
          </Link>
        ))}
        <InternalMarks snapshots={layer.tags} />
        {layer.locks.length > 0 ? (
          <Tooltip label={words.layers.lockedWhy}>
            <span className={classes.hinted}>
              <Chip kind="locked" icon={<IconLock size={12} aria-hidden />}>
                {words.layers.locked(lockReasons(layer.locks))}
              </Chip>
            </span>
          </Tooltip>
        ) : null}
        {image.present && image.backing?.state !== 'missing' ? null : (
          <Chip kind="problem" icon={<IconAlertTriangle size={12} aria-hidden />}>
            {image.present ? words.layers.backingMissing : words.layers.missing}
          </Chip>
        )}
      </div>
      {shownProblems(image, vmId).map((problem) => (
        <p key={problem.code} className={classes.problem}>
          <IconAlertTriangle size={13} aria-hidden /> {problem.message} {problem.repair ?? ''}
        </p>
      ))}
    </div>
  );
}

function WriterChip({ writer: { name, state } }: { writer: LayerWriter }) {
  if (state === 'suspended')
    return (
      <Tooltip label={words.layers.frozenWhy(name)}>
        <span className={classes.hinted}>
          <Chip kind="locked" icon={<IconSnowflake size={12} aria-hidden />}>
            {words.layers.frozen}
          </Chip>
        </span>
      </Tooltip>
    );
  return (
    <Chip kind="writer" icon={<IconPencil size={12} aria-hidden />}>
      {state === 'running' ? words.layers.runningWritesHere : words.layers.writesHere}
    </Chip>
  );
}

/** Each kind of lock as a phrase, so that one knows what to do about it. */
function lockReasons(locks: LayerModel['locks']): string[] {
  const names = new Map<Lock['kind'], string[]>();
  for (const { kind, name } of locks) names.set(kind, [...(names.get(kind) ?? []), name]);
  return [...names].map(([kind, of]) => words.layers.lockedBy[kind](of));
}

/** That a file below is missing stands at the head of a VM's page, with what helps. */
function shownProblems(image: LayerModel['image'], vmId: string | null) {
  return problemsOf(image).filter(({ code }) => vmId === null || !saidByVm.has(code));
}
const saidByVm = new Set(['missing', 'backing-missing']);

function roleWord(position: LayerModel['position'], written: boolean): string {
  if (written) return words.layers.roles.active;
  if (position === 'base' || position === 'only') return words.layers.roles.base;
  return words.layers.roles.layer;
}

/** More than these are counted. */
const internalMost = 2;

function InternalMarks({ snapshots }: { snapshots: LayerModel['image']['internalSnapshots'] }) {
  if (snapshots.length === 0) return null;
  const named = snapshots.length <= internalMost ? snapshots : snapshots.slice(0, internalMost - 1);
  const rest = snapshots.slice(named.length);
  return (
    <>
      {named.map((snapshot) => (
        <InternalMark key={snapshot.id} snapshots={[snapshot]} text={snapshot.tag} />
      ))}
      {rest.length > 0 ? (
        <InternalMark snapshots={rest} text={words.layers.internalSnapshots(rest.length, named.length > 0)} />
      ) : null}
    </>
  );
}

/** A diamond: inside the layer's own file, while the flags stand for the layer as a whole. */
function InternalMark({ snapshots, text }: { snapshots: InternalSnapshots; text: string }) {
  return (
    <Tooltip
      label={snapshots.map((snapshot) => (
        <div key={snapshot.id}>
          {words.layers.internalSnapshot(snapshot.tag)}{' '}
          {snapshot.createdAt ? <When at={snapshot.createdAt} /> : null}
        </div>
      ))}
    >
      <span className={classes.hinted}>
        <Chip icon={<IconDiamond size={12} aria-hidden />}>
          <span className="visually-hidden">{words.layers.internalSnapshot('')}</span>
          {text}
        </Chip>
      </span>
    </Tooltip>
  );
}
type InternalSnapshots = LayerModel['image']['internalSnapshots'];

interface ChipProps {
  kind?: 'writer' | 'snapshot' | 'locked' | 'problem';
  icon?: ReactNode;
  children: ReactNode;
}

function Chip({ kind, icon, children }: ChipProps) {
  return (
    <span className={classes.chip} data-kind={kind}>
      {icon}
      <span className={classes.chipText}>{children}</span>
    </span>
  );
}
