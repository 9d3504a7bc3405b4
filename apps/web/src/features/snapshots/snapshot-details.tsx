import { ActionIcon, Tooltip } from '@mantine/core';
import type { Snapshot, Vm } from '@strata/contract';
import { IconPencil } from '@tabler/icons-react';
import { words } from '../../lib/words.ts';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import type { SnapshotActs } from './snapshot-acts.ts';
import classes from './snapshot-details.module.css';
import { SnapshotFacts } from './snapshot-facts.tsx';
import { kindOf, originOf } from './snapshot-kind.ts';
import { SnapshotPicture } from './snapshot-picture.tsx';
import { hereId } from './snapshot-rows.ts';
import { SnapshotTextForm } from './snapshot-text-form.tsx';

interface SnapshotDetailsProps {
  vm: Vm;
  snapshot: Snapshot;
  parent: Snapshot | null;
  acts: SnapshotActs;
  isEditing: boolean;
  onEdit: (isEditing: boolean) => void;
  onSelect: (id: string) => void;
}

/** All that is known of one restore point, and what can be done with it. */
export function SnapshotDetails(props: SnapshotDetailsProps) {
  const { vm, snapshot, parent, acts, isEditing, onEdit, onSelect } = props;
  return (
    <div className={classes.details}>
      {snapshot.hasScreenshot ? <SnapshotPicture vmId={vm.id} snapshot={snapshot} /> : null}
      {isEditing ? (
        <SnapshotTextForm vmId={vm.id} snapshot={snapshot} onClose={() => onEdit(false)} />
      ) : (
        <Heading snapshot={snapshot} onEdit={() => onEdit(true)} />
      )}
      <Buttons snapshot={snapshot} acts={acts} />
      <SnapshotFacts vm={vm} snapshot={snapshot} parent={parent} onSelect={onSelect} />
    </div>
  );
}

function Heading({ snapshot, onEdit }: { snapshot: Snapshot; onEdit: () => void }) {
  const marks = [kindOf(snapshot), originOf(snapshot)].filter((mark) => mark !== null);
  const { actions } = words.snapshots;
  return (
    <div className={classes.heading}>
      <div className={classes.nameLine}>
        <h2 className={classes.name}>{snapshot.name}</h2>
        <Tooltip label={actions.edit}>
          <ActionIcon variant="subtle" color="gray" aria-label={actions.edit} onClick={onEdit}>
            <IconPencil size={16} aria-hidden />
          </ActionIcon>
        </Tooltip>
      </div>
      <div className={classes.marks}>
        {marks.map(({ Icon, text }) => (
          <span key={text} className={classes.mark}>
            <Icon size={13} aria-hidden /> {text}
          </span>
        ))}
      </div>
      {snapshot.description === '' ? null : <p className={classes.description}>{snapshot.description}</p>}
    </div>
  );
}

function Buttons({ snapshot, acts }: { snapshot: Snapshot; acts: SnapshotActs }) {
  const { actions } = words.snapshots;
  return (
    <div className={classes.buttons}>
      <ReasonedButton
        size="compact-md"
        reason={acts.refusal}
        onClick={() => acts.open({ kind: 'revert', snapshot })}
      >
        {actions.revert}
      </ReasonedButton>
      <ReasonedButton
        size="compact-md"
        variant="default"
        reason={acts.refusal}
        onClick={() => acts.open({ kind: 'branch', snapshot })}
      >
        {words.copies.branch.menu}
      </ReasonedButton>
      <ReasonedButton
        size="compact-md"
        variant="default"
        onClick={() => acts.open({ kind: 'compare', from: snapshot.id, to: hereId })}
      >
        {words.snapshots.compare.open}
      </ReasonedButton>
      {snapshot.kind === 'internal' ? (
        <ReasonedButton
          size="compact-md"
          variant="default"
          reason={acts.refusal}
          onClick={() => acts.open({ kind: 'extract', snapshot })}
        >
          {words.snapshots.extract.open}
        </ReasonedButton>
      ) : null}
      <ReasonedButton
        size="compact-md"
        variant="default"
        color="red"
        className={classes.delete ?? ''}
        reason={acts.refusal}
        onClick={() => acts.open({ kind: 'delete', snapshots: [snapshot] })}
      >
        {actions.delete}
      </ReasonedButton>
    </div>
  );
}
