import { endpoints, type Operation, type TakeSnapshot, type Vm } from '@strata/contract';
import { skipToken, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { call } from '../../api/call.ts';
import { keys, operationQuery, snapshotsQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { notifyDone } from '../../ui/notify.tsx';
import { isUnfinished } from '../operations/operation-state.ts';
import { flatSnapshots } from './flat-snapshots.ts';
import { worthOf } from './snapshot-kind.ts';

/** Long enough for a snapshot without memory; of a longer one the progress is shown. */
const waitSeconds = 2;

/** Takes a snapshot, follows its operation, and says at the end what was reached and how long the guest stood. */
export function useTake(vm: Vm, onDone: () => void) {
  const [id, setId] = useState<string | null>(null);
  const tell = useTaken(vm.id);
  const take = useMutation({
    mutationFn: (body: TakeSnapshot) =>
      call(endpoints.takeSnapshot, { params: { id: vm.id }, query: { wait: waitSeconds }, body }),
    onSuccess: (operation) => setId(operation.id),
  });
  const followed = useQuery({
    ...operationQuery(id ?? ''),
    ...(id === null ? { queryFn: skipToken } : {}),
  }).data;
  const operation: Operation | undefined = newer(followed, take.data);
  const told = useRef(false);
  useEffect(() => {
    if (operation?.state !== 'done' || told.current) return;
    told.current = true;
    void tell(operation);
    onDone();
  }, [operation, onDone, tell]);
  const failed = operation !== undefined && !isUnfinished(operation) && operation.state !== 'done';
  return {
    take,
    operation: operation && isUnfinished(operation) ? operation : undefined,
    failed: failed ? operation : undefined,
  };
}

/** What an event brought is newer than the answer to the request, once there is one. */
const newer = (followed: Operation | undefined, answered: Operation | undefined) =>
  followed === undefined || answered === undefined || isUnfinished(answered)
    ? (followed ?? answered)
    : answered;

function useTaken(vmId: string) {
  const client = useQueryClient();
  const navigate = useNavigate();
  return async ({ result }: Operation): Promise<void> => {
    const snapshotId = (result as { snapshotId?: string } | null)?.snapshotId;
    await client.invalidateQueries({ queryKey: keys.snapshots(vmId) });
    const tree = await client.fetchQuery(snapshotsQuery(vmId));
    const snapshot = flatSnapshots(tree).find(({ id }) => id === snapshotId);
    if (snapshot === undefined) return;
    const { take, consistency } = words.snapshots;
    notifyDone(take.taken(snapshot.name, consistency[worthOf(snapshot)], snapshot.pauseMs), {
      label: take.show,
      onClick: () =>
        void navigate({ to: '/vms/$vmId/snapshots', params: { vmId }, search: { snapshot: snapshot.id } }),
    });
  };
}
