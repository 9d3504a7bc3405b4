import { Button, FileButton, Progress, TextInput } from '@mantine/core';
import { insideEndpoints } from '@strata/contract';
import { IconDownload, IconFolderPlus, IconSearch, IconUpload } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { saveDownload } from '../../api/save-download.ts';
import { quotedName } from '../../lib/visible-text.ts';
import { words } from '../../lib/words.ts';
import { ConfirmDialog } from '../../ui/confirm-button.tsx';
import { ForeignName } from '../../ui/foreign-name.tsx';
import { notifyError } from '../../ui/notify.tsx';
import classes from './files-view.module.css';
import { askedPath } from './inside-path.ts';
import { NewFolderDialog } from './new-folder-dialog.tsx';
import type { InsideFolder, useEntries } from './use-entries.ts';
import type { PutFiles, Putting } from './use-put-files.ts';

interface FilesToolbarProps {
  folder: InsideFolder;
  listing: ReturnType<typeof useEntries>;
  shown: number;
  search: string;
  onSearch: (text: string) => void;
  /** Null: nothing can be changed here. */
  put: PutFiles | null;
}

const text = words.inside;

/** Above the files: which are shown, and what can be done with the folder itself. */
export function FilesToolbar({ folder, listing, shown, search, onSearch, put }: FilesToolbarProps) {
  const { entries, total, isComplete, isLoadingAll, setWantsAll } = listing;
  return (
    <div className={classes.tools}>
      <TextInput
        className={classes.filter ?? ''}
        type="search"
        leftSection={<IconSearch size={15} aria-hidden />}
        placeholder={isComplete ? text.files.filter : text.files.filterLoaded}
        aria-label={isComplete ? text.files.filter : text.files.filterLoaded}
        value={search}
        onChange={(event) => onSearch(event.currentTarget.value)}
      />
      <span className={classes.count} role="status">
        {listing.query.data === undefined ? '' : text.files.count(shown, entries.length, total)}
      </span>
      {isComplete || listing.query.data === undefined ? null : (
        <Button variant="default" size="compact-md" onClick={() => setWantsAll(!isLoadingAll)}>
          {isLoadingAll ? text.files.stopLoading : text.files.all}
        </Button>
      )}
      <div className={classes.buttons}>
        {put === null ? null : <ChangeButtons folder={folder} put={put} />}
        <FolderTar folder={folder} />
      </div>
      {put?.now == null ? null : <Sending now={put.now} onStop={put.stop} />}
      {put?.asking == null ? null : <ReplaceDialog taken={put.asking.taken} onAnswer={put.answer} />}
    </div>
  );
}

function FolderTar({ folder }: { folder: InsideFolder }) {
  const save = useMutation({
    mutationFn: () =>
      saveDownload(insideEndpoints.downloadInsideFolder, {
        params: { sid: folder.sid },
        query: { volume: folder.volume, ...askedPath(folder.place) },
      }),
    onError: notifyError,
  });
  return (
    <Button
      variant="default"
      leftSection={<IconDownload size={15} aria-hidden />}
      loading={save.isPending}
      onClick={() => save.mutate()}
    >
      {text.files.tar}
    </Button>
  );
}

function ChangeButtons({ folder, put }: { folder: InsideFolder; put: PutFiles }) {
  const [isNaming, setNaming] = useState(false);
  return (
    <>
      <FileButton multiple onChange={put.add}>
        {(props) => (
          <Button {...props} leftSection={<IconUpload size={15} aria-hidden />} disabled={put.now !== null}>
            {text.upload.button}
          </Button>
        )}
      </FileButton>
      <Button
        variant="default"
        leftSection={<IconFolderPlus size={15} aria-hidden />}
        onClick={() => setNaming(true)}
      >
        {text.newFolder.button}
      </Button>
      {isNaming ? <NewFolderDialog folder={folder} onClose={() => setNaming(false)} /> : null}
    </>
  );
}

function Sending({ now, onStop }: { now: Putting; onStop: () => void }) {
  return (
    <div className={classes.upload} role="status">
      <p>
        {text.upload.doing(quotedName(now.name))}{' '}
        <Button variant="subtle" size="compact-sm" onClick={onStop}>
          {text.upload.cancel}
        </Button>
      </p>
      <Progress
        value={now.size === 0 ? 100 : (100 * now.sent) / now.size}
        aria-label={text.upload.doing(quotedName(now.name))}
      />
    </div>
  );
}

/** More than these are not read one by one. */
const namesMost = 20;

function ReplaceDialog({ taken, onAnswer }: { taken: readonly string[]; onAnswer: (yes: boolean) => void }) {
  return (
    <ConfirmDialog
      opened
      danger
      title={text.upload.replaceTitle(taken.length)}
      confirmLabel={text.upload.replace}
      onClose={() => onAnswer(false)}
      onConfirm={() => onAnswer(true)}
    >
      <p>{text.upload.replaceText}</p>
      <ul className={classes.names}>
        {taken.slice(0, namesMost).map((name) => (
          <li key={name}>
            <ForeignName name={name} />
          </li>
        ))}
        {taken.length > namesMost ? <li>…</li> : null}
      </ul>
    </ConfirmDialog>
  );
}
