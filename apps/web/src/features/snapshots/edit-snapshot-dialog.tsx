import { Button, Group, Stack, Textarea, TextInput } from '@mantine/core';
import { endpoints, type Snapshot } from '@strata/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { isApiError } from '../../api/api-error.ts';
import { call } from '../../api/call.ts';
import { keys } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';

interface SnapshotDialogProps {
  vmId: string;
  snapshot: Snapshot;
  onClose: () => void;
}

export function EditSnapshotDialog({ vmId, snapshot, onClose }: SnapshotDialogProps) {
  const client = useQueryClient();
  const [name, setName] = useState(snapshot.name);
  const [description, setDescription] = useState(snapshot.description);
  const save = useMutation({
    mutationFn: () =>
      call(endpoints.patchSnapshot, { params: { id: vmId, sid: snapshot.id }, body: { name, description } }),
    onSuccess: async () => {
      onClose();
      await client.invalidateQueries({ queryKey: keys.snapshots(vmId) });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() !== '') save.mutate();
  };
  return (
    <Dialog onClose={onClose} title={words.snapshots.edit.title}>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <TextInput
            label={words.snapshots.take.name}
            value={name}
            required
            maxLength={100}
            data-autofocus
            onChange={(event) => setName(event.currentTarget.value)}
            error={isApiError(save.error) ? save.error.fieldError('name') : undefined}
          />
          <Textarea
            label={words.snapshots.take.description}
            value={description}
            rows={3}
            onChange={(event) => setDescription(event.currentTarget.value)}
          />
          <ErrorNotice error={save.error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {words.common.cancel}
            </Button>
            <Button type="submit" loading={save.isPending} disabled={name.trim() === ''}>
              {words.snapshots.edit.save}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
