import type { Snapshot, Vm } from '@strata/contract';
import { IconBookmark } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { snapshotsQuery, vmQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { EmptyState } from '../../ui/empty-state.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { Panel } from '../../ui/page.tsx';
import { RowSkeletons } from '../../ui/skeletons.tsx';
import { BranchDialog } from '../branches/branch-dialog.tsx';
import { EditSnapshotDialog } from './edit-snapshot-dialog.tsx';
import { ForgetSnapshotDialog } from './forget-snapshot-dialog.tsx';
import { RevertDialog } from './revert-dialog.tsx';
import { SnapshotLine } from './snapshot-line.tsx';
import { snapshotRows } from './snapshot-rows.ts';
import classes from './snapshots.module.css';
import { TakeSnapshotButton } from './take-snapshot-button.tsx';

export type SnapshotAction = { kind: 'revert' | 'branch' | 'edit' | 'forget'; snapshot: Snapshot };

export function SnapshotsTab({ vmId }: { vmId: string }) {
  const vm = useQuery(vmQuery(vmId));
  // Whether the guest has written since is told by no event of its own: it is read again at each visit.
  const snapshots = useQuery({ ...snapshotsQuery(vmId), refetchOnMount: 'always' });
  const error = vm.error ?? snapshots.error;
  if (vm.data === undefined || snapshots.data === undefined)
    return error ? (
      <ErrorNotice error={error} onRetry={() => void Promise.all([vm.refetch(), snapshots.refetch()])} />
    ) : (
      <RowSkeletons />
    );
  if (snapshots.data.tree.length === 0)
    return (
      <EmptyState
        icon={<IconBookmark size={40} />}
        title={words.snapshots.empty.title}
        actions={<TakeSnapshotButton vm={vm.data} />}
      >
        {words.snapshots.empty.text}
      </EmptyState>
    );
  return <Tree vm={vm.data} rows={snapshotRows(snapshots.data)} changed={snapshots.data.current.changed} />;
}

interface TreeProps {
  vm: Vm;
  rows: ReturnType<typeof snapshotRows>;
  changed: boolean;
}

function Tree({ vm, rows, changed }: TreeProps) {
  const [action, setAction] = useState<SnapshotAction | null>(null);
  const close = () => setAction(null);
  const columns = Math.max(...rows.map(({ lane }) => lane)) + 1;
  return (
    <Panel title={words.snapshots.count(rows.length - 1)}>
      <ol className={classes.tree} aria-label={words.snapshots.tree}>
        {rows.map((row) => (
          <SnapshotLine
            key={row.snapshot?.id ?? 'here'}
            row={row}
            columns={columns}
            vm={vm}
            changed={changed}
            onAction={setAction}
          />
        ))}
      </ol>
      {action?.kind === 'revert' ? <RevertDialog vm={vm} snapshot={action.snapshot} onClose={close} /> : null}
      {action?.kind === 'branch' ? <BranchDialog vm={vm} snapshot={action.snapshot} onClose={close} /> : null}
      {action?.kind === 'edit' ? (
        <EditSnapshotDialog vmId={vm.id} snapshot={action.snapshot} onClose={close} />
      ) : null}
      {action?.kind === 'forget' ? (
        <ForgetSnapshotDialog vmId={vm.id} snapshot={action.snapshot} onClose={close} />
      ) : null}
    </Panel>
  );
}
