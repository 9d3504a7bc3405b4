import { Button, FileButton } from '@mantine/core';
import { archiveName, endpoints, type Upload } from '@strata/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { call, callBinary } from '../../api/call.ts';
import { keys } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { ConfirmButton } from '../../ui/confirm-button.tsx';
import { notifyError } from '../../ui/notify.tsx';
import { type UploadJob, uploadQueue } from './upload-queue.ts';
import type { UploadRow } from './upload-rows.ts';
import classes from './uploads.module.css';

const small = { size: 'compact-sm', variant: 'default' } as const;

/** What can be done with a line of the list. */
export function UploadActions({ row, onMake }: { row: UploadRow; onMake: (upload: Upload) => void }) {
  const { job, state, filename, upload } = row;
  const text = words.uploads;
  const named = (action: string) => text.nameOf(action, filename);
  return (
    <div className={classes.buttons}>
      {job !== null && (state === 'sending' || state === 'waiting') ? (
        <Button {...small} aria-label={named(text.pause)} onClick={() => uploadQueue.pause(job.key)}>
          {text.pause}
        </Button>
      ) : null}
      {job !== null && job.state !== 'sent' && (state === 'paused' || state === 'failed') ? (
        <Button {...small} aria-label={named(text.resume)} onClick={() => uploadQueue.resume(job.key)}>
          {text.resume}
        </Button>
      ) : null}
      {state === 'unfinished' && upload?.purpose !== 'make' ? <ChooseAgain row={row} /> : null}
      {state === 'ready' && upload !== null ? (
        <Button {...small} aria-label={named(text.make)} onClick={() => onMake(upload)}>
          {text.make}
        </Button>
      ) : null}
      {job !== null && state === 'refused' && saysNothing(filename) ? <AsRaw job={job} /> : null}
      {state === 'failed' && row.upload?.state === 'failed' ? <TryAgain row={row} /> : null}
      <Results row={row} />
      <Remove row={row} />
    </div>
  );
}

/** Neither its name nor its header tell what it is: the person may know. */
const saysNothing = (filename: string): boolean =>
  !archiveName.test(filename) && !/\.(qcow2?|raw|img|dd|bin|vmdk|vdi|vhdx?|vpc|iso)$/i.test(filename);

function AsRaw({ job }: { job: UploadJob }) {
  const again = () => {
    uploadQueue.dismiss(job.key);
    void uploadQueue.add(job.file, { format: 'raw' });
  };
  return (
    <Button {...small} onClick={again}>
      {words.uploads.asRaw}
    </Button>
  );
}

/** After a reload the page has no file any more: the person shows it again. */
function ChooseAgain({ row }: { row: UploadRow }) {
  const { filename, size, upload } = row;
  const goOn = (file: File | null) => {
    if (file === null || upload === null) return;
    if (file.name === filename && file.size === size) void uploadQueue.add(file, { onto: upload.id });
    else notifyError(new Error(words.uploads.otherFile(filename, size)));
  };
  return (
    <FileButton
      onChange={goOn}
      inputProps={{ 'aria-label': words.uploads.nameOf(words.uploads.choose, filename) }}
    >
      {(props) => (
        <Button {...small} {...props}>
          {words.uploads.choose}
        </Button>
      )}
    </FileButton>
  );
}

function TryAgain({ row }: { row: UploadRow }) {
  const client = useQueryClient();
  const again = useMutation({
    mutationFn: () => call(endpoints.importUpload, { params: { id: row.upload?.id ?? '' } }),
    onSuccess: async () => {
      if (row.job !== null) uploadQueue.dismiss(row.job.key);
      await client.invalidateQueries({ queryKey: keys.uploads });
    },
    onError: notifyError,
  });
  return (
    <Button {...small} loading={again.isPending} onClick={() => again.mutate()}>
      {words.uploads.retry}
    </Button>
  );
}

function Results({ row: { result } }: { row: UploadRow }) {
  if (result === null) return null;
  const { imageId, vmId } = result;
  return (
    <>
      {imageId === undefined ? null : (
        <Button
          {...small}
          renderRoot={(props) => <Link to="/library" search={{ image: imageId }} {...props} />}
        >
          {words.uploads.open}
        </Button>
      )}
      {vmId === undefined ? null : (
        <Button {...small} renderRoot={(props) => <Link to="/vms/$vmId" params={{ vmId }} {...props} />}>
          {words.uploads.openVm}
        </Button>
      )}
    </>
  );
}

function Remove({ row }: { row: UploadRow }) {
  const { job, upload, state, filename } = row;
  const client = useQueryClient();
  const text = words.uploads;
  const remove = useMutation({
    mutationFn: async () => {
      if (job !== null) uploadQueue.dismiss(job.key);
      if (upload !== null) await callBinary(endpoints.deleteUpload, { params: { id: upload.id } });
    },
    onSuccess: () => client.invalidateQueries({ queryKey: keys.uploads }),
    onError: notifyError,
  });
  if (state === 'importing') return null;
  if (upload === null && job !== null)
    return (
      <Button
        {...small}
        aria-label={text.nameOf(text.dismiss, filename)}
        onClick={() => uploadQueue.dismiss(job.key)}
      >
        {text.dismiss}
      </Button>
    );
  return (
    <ConfirmButton
      {...small}
      aria-label={text.nameOf(text.remove, filename)}
      loading={remove.isPending}
      title={text.removeTitle(filename)}
      question={text.removeText}
      confirmLabel={text.remove}
      onConfirm={() => remove.mutate()}
    >
      {text.remove}
    </ConfirmButton>
  );
}
