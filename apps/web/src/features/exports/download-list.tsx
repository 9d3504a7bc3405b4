import { Button, Group } from '@mantine/core';
import { type Download, endpoints } from '@strata/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { call } from '../../api/call.ts';
import { downloadsQuery, keys } from '../../api/queries.ts';
import { saveDownload } from '../../api/save-download.ts';
import { words } from '../../lib/words.ts';
import { notifyError } from '../../ui/notify.tsx';
import { When } from '../../ui/when.tsx';
import classes from './export-card.module.css';

/** Files that were made to be fetched, and are there for a day. */
export function DownloadList() {
  const items = useQuery(downloadsQuery()).data?.items ?? [];
  if (items.length === 0) return null;
  return (
    <section>
      <h3 className={classes.title}>{words.exports.files.title}</h3>
      <ul className={classes.commands}>
        {items.map((file) => (
          <li key={file.id}>
            <DownloadLine file={file} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function DownloadLine({ file }: { file: Download }) {
  const client = useQueryClient();
  const text = words.exports.files;
  const params = { id: file.id };
  const fetch = useMutation({
    mutationFn: () => saveDownload(endpoints.fetchDownload, { params }),
    onError: notifyError,
  });
  const remove = useMutation({
    mutationFn: () => call(endpoints.deleteDownload, { params }),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.downloads }),
    onError: notifyError,
  });
  return (
    <article className={classes.card} aria-label={file.name}>
      <Group justify="space-between" gap={8}>
        <div className={classes.head}>
          <strong>{file.name}</strong>
          <span className={classes.muted}>
            {text.text(file.size)} <When at={file.expiresAt} />
          </span>
        </div>
        <Group gap={6}>
          <Button size="compact-sm" loading={fetch.isPending} onClick={() => fetch.mutate()}>
            {text.fetch}
          </Button>
          <Button
            size="compact-sm"
            variant="default"
            loading={remove.isPending}
            onClick={() => remove.mutate()}
          >
            {text.remove}
          </Button>
        </Group>
      </Group>
      {file.notes.map((note) => (
        <p key={note} className={classes.muted}>
          {note}
        </p>
      ))}
    </article>
  );
}
