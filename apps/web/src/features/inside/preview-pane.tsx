import { useDebouncedValue } from '@mantine/hooks';
import { type InsideEntry, type InsidePreview, insideEndpoints } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import { call } from '../../api/call.ts';
import { keys } from '../../api/queries.ts';
import { visibleLines } from '../../lib/visible-text.ts';
import { words } from '../../lib/words.ts';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { RowSkeletons } from '../../ui/skeletons.tsx';
import { EntryActions } from './entry-actions.tsx';
import { EntryFacts } from './entry-facts.tsx';
import { askedPath, entryPath } from './inside-path.ts';
import classes from './preview-pane.module.css';
import type { InsideFolder } from './use-entries.ts';

interface PreviewPaneProps {
  folder: InsideFolder;
  entry: InsideEntry | null;
  isWritable: boolean;
  onOpen: (entry: InsideEntry) => void;
  onDeleted: () => void;
}

const text = words.inside.preview;

/** What is known of the selected entry, what can be done with it, and how a file begins. */
export function PreviewPane({ folder, entry, isWritable, onOpen, onDeleted }: PreviewPaneProps) {
  return (
    <aside className={classes.pane} aria-label={text.title}>
      {entry === null ? (
        <p className={classes.muted}>{text.nothing}</p>
      ) : (
        <>
          <EntryFacts entry={entry} />
          <EntryActions
            folder={folder}
            entry={entry}
            isWritable={isWritable}
            onOpen={onOpen}
            onDeleted={onDeleted}
          />
          {entry.kind === 'file' ? <Beginning folder={folder} entry={entry} /> : null}
          {entry.kind === 'other' ? <p className={classes.muted}>{text.none}</p> : null}
        </>
      )}
    </aside>
  );
}

/** An arrow key that is held passes many files: only the one it rests on is read. */
const restMs = 150;

function Beginning({ folder, entry }: { folder: InsideFolder; entry: InsideEntry }) {
  const place = entryPath(folder.place, entry);
  const wanted = place.rawPath ?? place.path;
  const [settled] = useDebouncedValue(wanted, restMs);
  const preview = useQuery({
    queryKey: [
      ...keys.insideSession(folder.sid),
      'preview',
      folder.volume,
      wanted,
      entry.size,
      entry.modified,
    ],
    enabled: settled === wanted,
    queryFn: ({ signal }) =>
      call(insideEndpoints.previewInside, {
        params: { sid: folder.sid },
        query: { volume: folder.volume, ...askedPath(place) },
        signal,
      }),
  });
  if (preview.isError) return <ErrorNotice error={preview.error} onRetry={() => void preview.refetch()} />;
  if (preview.data === undefined) return <RowSkeletons count={3} height={18} />;
  return <Shown preview={preview.data} />;
}

function Shown({ preview }: { preview: InsidePreview }) {
  const { kind, size, truncated } = preview;
  if (size === 0) return <p className={classes.muted}>{text.emptyFile}</p>;
  const isText = kind === 'text';
  const title = truncated ? (isText ? text.text : text.hex) : isText ? text.whole : text.wholeHex;
  return (
    <section>
      <h3 className={classes.heading}>{title}</h3>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling text must be reachable by keyboard */}
      <pre className={classes.text} dir="ltr" tabIndex={0} data-kind={kind}>
        {isText ? visibleLines(preview.text ?? '') : visibleLines(preview.hex ?? '')}
      </pre>
    </section>
  );
}
