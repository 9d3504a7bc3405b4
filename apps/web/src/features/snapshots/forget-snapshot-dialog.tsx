import { Button, Group, Stack } from '@mantine/core';
import { endpoints, type Snapshot } from '@strata/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { call } from '../../api/call.ts';
import { keys } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';

interface ForgetSnapshotDialogProps {
  vmId: string;
  snapshot: Snapshot;
  onClose: () => void;
}

/** Forgetting moves no data, so the question is the plan. */
export function ForgetSnapshotDialog({ vmId, snapshot, onClose }: ForgetSnapshotDialogProps) {
  const client = useQueryClient();
  const forget = useMutation({
    mutationFn: () =>
      call(endpoints.deleteSnapshot, {
        params: { id: vmId, sid: snapshot.id },
        query: { mode: 'forget', wait: 10 },
      }),
    onSuccess: async () => {
      onClose();
      await client.invalidateQueries({ queryKey: keys.snapshots(vmId) });
    },
  });
  return (
    <Dialog onClose={onClose} title={words.snapshots.forget.title(snapshot.name)}>
      <Stack gap="md">
        <p>{words.snapshots.forget.text}</p>
        <ErrorNotice error={forget.error} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>
            {words.common.cancel}
          </Button>
          <Button color="red" loading={forget.isPending} onClick={() => forget.mutate()}>
            {words.snapshots.forget.confirm}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
