import { Button } from '@mantine/core';
import { type InsideEntry, insideEndpoints } from '@strata/contract';
import { IconDownload, IconFolderOpen, IconTrash } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { call } from '../../api/call.ts';
import { saveDownload } from '../../api/save-download.ts';
import { quotedName } from '../../lib/visible-text.ts';
import { words } from '../../lib/words.ts';
import { ConfirmButton } from '../../ui/confirm-button.tsx';
import { notifyDone, notifyError } from '../../ui/notify.tsx';
import { askedPath, entryPath } from './inside-path.ts';
import classes from './preview-pane.module.css';
import { entriesKey, type InsideFolder } from './use-entries.ts';

interface EntryActionsProps {
  folder: InsideFolder;
  entry: InsideEntry;
  isWritable: boolean;
  onOpen: (entry: InsideEntry) => void;
  onDeleted: () => void;
}

const { preview } = words.inside;

export function EntryActions({ folder, entry, isWritable, onOpen, onDeleted }: EntryActionsProps) {
  const isFolder = entry.kind === 'folder';
  const params = { sid: folder.sid };
  const query = { volume: folder.volume, ...askedPath(entryPath(folder.place, entry)) };
  const save = useMutation({
    mutationFn: () =>
      saveDownload(isFolder ? insideEndpoints.downloadInsideFolder : insideEndpoints.downloadInsideFile, {
        params,
        query,
      }),
    onError: notifyError,
  });
  return (
    <div className={classes.actions}>
      {isFolder ? (
        <Button
          size="compact-md"
          leftSection={<IconFolderOpen size={15} aria-hidden />}
          onClick={() => onOpen(entry)}
        >
          {preview.open}
        </Button>
      ) : null}
      {isFolder || entry.kind === 'file' ? (
        <Button
          size="compact-md"
          variant={isFolder ? 'default' : 'filled'}
          leftSection={<IconDownload size={15} aria-hidden />}
          loading={save.isPending}
          onClick={() => save.mutate()}
        >
          {isFolder ? preview.downloadTar : preview.download}
        </Button>
      ) : null}
      {isWritable ? <DeleteButton folder={folder} entry={entry} onDeleted={onDeleted} /> : null}
    </div>
  );
}

function DeleteButton({
  folder,
  entry,
  onDeleted,
}: Pick<EntryActionsProps, 'folder' | 'entry' | 'onDeleted'>) {
  const client = useQueryClient();
  const text = words.inside.remove;
  const shown = quotedName(entry.name);
  const remove = useMutation({
    mutationFn: () =>
      call(insideEndpoints.deleteInsideEntry, {
        params: { sid: folder.sid },
        query: { volume: folder.volume, ...askedPath(entryPath(folder.place, entry)) },
      }),
    onSuccess: async () => {
      onDeleted();
      await client.invalidateQueries({ queryKey: entriesKey(folder) });
      notifyDone(text.done(shown));
    },
    onError: notifyError,
  });
  const question = entry.kind === 'folder' ? text.folder : entry.kind === 'link' ? text.link : text.file;
  return (
    <ConfirmButton
      size="compact-md"
      variant="default"
      color="red"
      leftSection={<IconTrash size={15} aria-hidden />}
      loading={remove.isPending}
      title={text.title(shown)}
      question={question}
      confirmLabel={text.submit}
      onConfirm={() => remove.mutate()}
    >
      {text.button}
    </ConfirmButton>
  );
}
