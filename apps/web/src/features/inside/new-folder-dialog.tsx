import { Button, Group, Stack, TextInput } from '@mantine/core';
import { insideEndpoints } from '@strata/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { call } from '../../api/call.ts';
import { words } from '../../lib/words.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { askedPath, childOf, isFileName } from './inside-path.ts';
import { entriesKey, type InsideFolder } from './use-entries.ts';

export function NewFolderDialog({ folder, onClose }: { folder: InsideFolder; onClose: () => void }) {
  const client = useQueryClient();
  const text = words.inside.newFolder;
  const [name, setName] = useState('');
  const make = useMutation({
    mutationFn: () =>
      call(insideEndpoints.createInsideFolder, {
        params: { sid: folder.sid },
        body: { volume: folder.volume, ...askedPath(childOf(folder.place, name)) },
      }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: entriesKey(folder) });
      onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isFileName(name)) make.mutate();
  };
  return (
    <Dialog onClose={onClose} title={text.title}>
      <form onSubmit={submit}>
        <Stack gap="md">
          <TextInput
            label={text.name}
            value={name}
            data-autofocus
            maxLength={255}
            error={name !== '' && !isFileName(name) ? text.bad : undefined}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <ErrorNotice error={make.error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {words.common.cancel}
            </Button>
            <Button type="submit" loading={make.isPending} disabled={!isFileName(name)}>
              {text.submit}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
