import { Progress } from '@mantine/core';
import type { Upload } from '@strata/contract';
import { formatUntil } from '../../lib/format.ts';
import { useNow } from '../../lib/use-now.ts';
import { words } from '../../lib/words.ts';
import { UploadActions } from './upload-actions.tsx';
import type { UploadRow } from './upload-rows.ts';
import classes from './uploads.module.css';
import { useFileDrop, useUploadRows } from './use-uploads.ts';

/** What is on its way into the library. Nothing when nothing is. Takes files that are dropped anywhere. */
export function UploadsPanel({ onMake }: { onMake: (upload: Upload) => void }) {
  const rows = useUploadRows();
  const isOver = useFileDrop();
  return (
    <>
      {isOver ? (
        <div className={classes.overlay}>
          <strong>{words.uploads.drop}</strong>
          <span>{words.uploads.dropHint}</span>
        </div>
      ) : null}
      {rows.length === 0 ? null : (
        <section className={classes.panel} aria-label={words.uploads.title}>
          <h2 className={classes.heading}>{words.uploads.title}</h2>
          <ul className={classes.list}>
            {rows.map((row) => (
              <Row key={row.key} row={row} onMake={onMake} />
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

function Row({ row, onMake }: { row: UploadRow; onMake: (upload: Upload) => void }) {
  const isBad = row.state === 'failed' || row.state === 'refused';
  return (
    <li className={classes.row}>
      <div className={classes.about}>
        <span className={classes.name}>{row.filename}</span>
        {row.percent === null ? null : (
          <Progress.Root size={6} radius="sm">
            <Progress.Section
              value={row.percent}
              color={row.state === 'failed' ? 'red' : 'amber'}
              aria-label={row.filename}
              aria-valuetext={row.text}
            />
          </Progress.Root>
        )}
        <span className={isBad ? classes.bad : classes.text} role={isBad ? 'alert' : undefined}>
          {row.state === 'refused' ? `${words.uploads.states.refused}: ` : ''}
          {row.text}
          <Expiry row={row} />
        </span>
        <Notes notes={row.result?.notMapped ?? []} />
      </div>
      <UploadActions row={row} onMake={onMake} />
    </li>
  );
}

const mayExpire: readonly UploadRow['state'][] = ['unfinished', 'failed', 'ready'];

/** Of what nobody sends at the moment: how long it stays. */
function Expiry({ row }: { row: UploadRow }) {
  const now = useNow(60_000);
  if (row.upload === null || !mayExpire.includes(row.state)) return null;
  return <> · {words.uploads.expires(formatUntil(row.upload.expiresAt, now))}</>;
}

function Notes({ notes }: { notes: readonly string[] }) {
  if (notes.length === 0) return null;
  return (
    <details className={classes.notes}>
      <summary>{words.uploads.notMapped(notes.length)}</summary>
      <ul>
        {notes.map((note) => (
          <li key={note}>{note}</li>
        ))}
      </ul>
    </details>
  );
}
