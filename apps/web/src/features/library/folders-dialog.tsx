import { Button, Group, Stack, Text } from '@mantine/core';
import { endpoints, type Folder } from '@strata/contract';
import { IconRefresh } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { isApiError } from '../../api/api-error.ts';
import { call } from '../../api/call.ts';
import { foldersQuery, keys } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { ConfirmButton } from '../../ui/confirm-button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { notifyDone, notifyError } from '../../ui/notify.tsx';
import { PathField } from '../../ui/path-field.tsx';
import { RowSkeletons } from '../../ui/skeletons.tsx';
import { AdoptDialog } from './adopt-dialog.tsx';
import classes from './dialogs.module.css';

export function FoldersDialog({ onClose }: { onClose: () => void }) {
  const [adopting, setAdopting] = useState<string | null>(null);
  if (adopting !== null) return <AdoptDialog path={adopting} onClose={onClose} />;
  return <FolderList onClose={onClose} onAdopt={setAdopting} />;
}

interface FolderListProps {
  onClose: () => void;
  onAdopt: (path: string) => void;
}

function FolderList({ onClose, onAdopt }: FolderListProps) {
  const client = useQueryClient();
  const folders = useQuery(foldersQuery());
  const { folders: folderWords } = words.library;
  const scan = useMutation({
    mutationFn: () => call(endpoints.rescan, { body: {} }),
    onSuccess: async ({ total }) => {
      notifyDone(folderWords.scanned(total));
      await client.invalidateQueries({ queryKey: keys.images });
    },
    onError: notifyError,
  });
  return (
    <Dialog onClose={onClose} title={folderWords.title} size="40rem">
      <Stack gap="md">
        <Text size="sm" c="dimmed">
          {folderWords.text}
        </Text>
        <Group justify="flex-end">
          <Button
            variant="subtle"
            size="compact-sm"
            leftSection={<IconRefresh size={15} aria-hidden />}
            loading={scan.isPending}
            onClick={() => scan.mutate()}
          >
            {folderWords.rescan}
          </Button>
        </Group>
        <ErrorNotice error={folders.error} />
        {folders.isPending ? <RowSkeletons count={2} /> : null}
        <ul className={classes.list}>
          {folders.data?.items.map((folder) => (
            <FolderLine key={folder.id} folder={folder} />
          ))}
        </ul>
        <AddFolder onAdopt={onAdopt} />
      </Stack>
    </Dialog>
  );
}

function FolderLine({ folder }: { folder: Folder }) {
  const client = useQueryClient();
  const { folders } = words.library;
  const forget = useMutation({
    mutationFn: () => call(endpoints.deleteFolder, { params: { id: folder.id } }),
    onSuccess: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: keys.folders }),
        client.invalidateQueries({ queryKey: keys.images }),
      ]),
    onError: notifyError,
  });
  return (
    <li className={classes.line}>
      <div className={classes.text}>
        <code>{folder.path}</code>
        <span className={classes.muted}>
          {folder.default ? `${folders.default} · ` : ''}
          {folders.images(folder.images)}
        </span>
        {folder.problems.map((problem) => (
          <span key={problem.code} className={classes.bad}>
            {problem.message} {problem.repair ?? ''}
          </span>
        ))}
      </div>
      <ConfirmButton
        size="compact-sm"
        variant="default"
        reason={folder.default ? folders.defaultReason : null}
        loading={forget.isPending}
        title={folders.forgetTitle(folder.path)}
        question={folders.forgetText}
        confirmLabel={folders.forget}
        danger={false}
        onConfirm={() => forget.mutate()}
      >
        {folders.forget}
      </ConfirmButton>
    </li>
  );
}

function AddFolder({ onAdopt }: Pick<FolderListProps, 'onAdopt'>) {
  const client = useQueryClient();
  const [path, setPath] = useState('');
  const { folders } = words.library;
  const add = useMutation({
    mutationFn: () => call(endpoints.createFolder, { body: { path: path.trim() } }),
    onSuccess: async () => {
      setPath('');
      await Promise.all([
        client.invalidateQueries({ queryKey: keys.folders }),
        client.invalidateQueries({ queryKey: keys.images }),
      ]);
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (path.trim() !== '') add.mutate();
  };
  return (
    <form onSubmit={submit} className={classes.add}>
      <PathField
        label={folders.add}
        kind="folder"
        required
        focused
        value={path}
        onChange={setPath}
        error={isApiError(add.error) ? add.error.fieldError('path') : undefined}
      />
      <ErrorNotice error={add.error} />
      <Group>
        <Button type="submit" loading={add.isPending} disabled={path.trim() === ''}>
          {folders.submit}
        </Button>
        <Button variant="default" onClick={() => onAdopt(path.trim())}>
          {words.adopt.button}
        </Button>
      </Group>
    </form>
  );
}
