import { Button, Group, Select, Stack, Text, TextInput } from '@mantine/core';
import type { RestoreTrash, TrashItem } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { foldersQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';

interface RestoreDialogProps {
  item: TrashItem;
  error: unknown;
  pending: boolean;
  onRestore: (wish: RestoreTrash) => void;
  onClose: () => void;
}

/** Where the old name is taken, or the old folder gone. */
export function RestoreDialog({ item, error, pending, onRestore, onClose }: RestoreDialogProps) {
  const { trash } = words.library;
  const folders = useQuery(foldersQuery()).data?.items ?? [];
  const [name, setName] = useState(item.name);
  const [folder, setFolder] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onRestore({
      ...(name.trim() === item.name ? {} : { name: name.trim() }),
      ...(folder === '' ? {} : { folder }),
    });
  };
  return (
    <Dialog onClose={onClose} title={trash.elsewhereTitle(item.name)} size="34rem">
      <form onSubmit={submit}>
        <Stack gap="md">
          <Text size="sm">{trash.elsewhereText}</Text>
          <TextInput
            label={trash.newName}
            required
            maxLength={100}
            data-autofocus
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <Select
            label={trash.folder}
            value={folder}
            allowDeselect={false}
            onChange={(value) => setFolder(value ?? '')}
            data={[
              { value: '', label: trash.oldFolder },
              ...folders.map(({ path }) => ({ value: path, label: path })),
            ]}
          />
          <ErrorNotice error={error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {words.common.cancel}
            </Button>
            <Button type="submit" loading={pending} disabled={name.trim() === ''}>
              {trash.restore}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
