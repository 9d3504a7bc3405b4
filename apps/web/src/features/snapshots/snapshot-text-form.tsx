import { Button, Group, Stack, Textarea, TextInput } from '@mantine/core';
import { endpoints, type Snapshot } from '@strata/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, type KeyboardEvent, useState } from 'react';
import { isApiError } from '../../api/api-error.ts';
import { call } from '../../api/call.ts';
import { keys } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { ErrorNotice } from '../../ui/error-notice.tsx';

interface SnapshotTextFormProps {
  vmId: string;
  snapshot: Snapshot;
  onClose: () => void;
}

/** Name and description, changed in place. */
export function SnapshotTextForm({ vmId, snapshot, onClose }: SnapshotTextFormProps) {
  const client = useQueryClient();
  const [name, setName] = useState(snapshot.name);
  const [description, setDescription] = useState(snapshot.description);
  const save = useMutation({
    mutationFn: () =>
      call(endpoints.patchSnapshot, {
        params: { id: vmId, sid: snapshot.id },
        body: { name: name.trim(), description },
      }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: keys.snapshots(vmId) });
      onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() !== '') save.mutate();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape') onClose();
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) submit(event);
  };
  const { take, edit } = words.snapshots;
  return (
    <form onSubmit={submit} onKeyDown={onKeyDown} aria-label={edit.title}>
      <Stack gap="xs">
        <TextInput
          label={take.name}
          value={name}
          required
          maxLength={100}
          autoFocus
          onChange={(event) => setName(event.currentTarget.value)}
          error={isApiError(save.error) ? save.error.fieldError('name') : undefined}
        />
        <Textarea
          label={take.description}
          placeholder={take.descriptionPlaceholder}
          value={description}
          autosize
          minRows={3}
          maxRows={10}
          onChange={(event) => setDescription(event.currentTarget.value)}
          error={isApiError(save.error) ? save.error.fieldError('description') : undefined}
        />
        <ErrorNotice error={save.error} />
        <Group gap="xs">
          <Button size="compact-md" type="submit" loading={save.isPending} disabled={name.trim() === ''}>
            {edit.save}
          </Button>
          <Button size="compact-md" variant="default" onClick={onClose}>
            {words.common.cancel}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
