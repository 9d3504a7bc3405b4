import type { Vm } from '@strata/contract';
import { IconBookmark } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { snapshotsQuery, vmQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { EmptyState } from '../../ui/empty-state.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { RowSkeletons } from '../../ui/skeletons.tsx';
import { ScheduleLine } from './schedule-line.tsx';
import { SnapshotsView } from './snapshots-view.tsx';
import { TakeSnapshotButton } from './take-snapshot-button.tsx';

export function SnapshotsTab({ vmId }: { vmId: string }) {
  const vm = useQuery(vmQuery(vmId));
  // Whether the guest has written since is told by no event of its own: it is read again at each visit.
  const snapshots = useQuery({ ...snapshotsQuery(vmId), refetchOnMount: 'always' });
  const error = vm.error ?? snapshots.error;
  if (vm.data === undefined || snapshots.data === undefined)
    return error ? (
      <ErrorNotice error={error} onRetry={() => void Promise.all([vm.refetch(), snapshots.refetch()])} />
    ) : (
      <RowSkeletons count={6} height={48} />
    );
  if (snapshots.data.tree.length === 0 && snapshots.data.found.length === 0)
    return <NoSnapshots vm={vm.data} />;
  return <SnapshotsView vm={vm.data} tree={snapshots.data} />;
}

function NoSnapshots({ vm }: { vm: Vm }) {
  return (
    <>
      <EmptyState
        icon={<IconBookmark size={40} />}
        title={words.snapshots.empty.title}
        actions={<TakeSnapshotButton vm={vm} />}
      >
        {words.snapshots.empty.text}
      </EmptyState>
      {vm.disks.length > 0 ? <ScheduleLine vm={vm} /> : null}
    </>
  );
}
