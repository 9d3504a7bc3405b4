import type { InsideEntry, InsideSession, InsideVolume } from '@strata/contract';
import { useDeferredValue, useMemo, useState } from 'react';
import { words } from '../../lib/words.ts';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { RowSkeletons } from '../../ui/skeletons.tsx';
import { DropZone } from './drop-zone.tsx';
import { type EntrySorting, entryKey, listEntries } from './entry-list.ts';
import { EntryTable } from './entry-table.tsx';
import { FilesToolbar } from './files-toolbar.tsx';
import classes from './files-view.module.css';
import { entryPath, type InsidePath, nameOf, parentOf } from './inside-path.ts';
import { PathCrumbs } from './path-crumbs.tsx';
import { PreviewPane } from './preview-pane.tsx';
import { useEntries } from './use-entries.ts';
import { usePutFiles } from './use-put-files.ts';

interface FilesViewProps {
  session: InsideSession;
  volume: InsideVolume;
  place: InsidePath;
  onPlace: (place: InsidePath) => void;
  onVolumes: () => void;
}

/** A folder of a volume, and beside it what is selected in it. */
export function FilesView({ session, volume, place, onPlace, onVolumes }: FilesViewProps) {
  const folder = { sid: session.id, volume: volume.device, place };
  const listing = useEntries(folder);
  const [search, setSearch] = useState('');
  const [sorting, setSorting] = useState<EntrySorting>({ column: 'name', descending: false });
  const [selected, setSelected] = useState<{ in: string; key: string } | null>(null);
  const wanted = useDeferredValue(search);
  const rows = useMemo(
    () => listEntries(listing.entries, wanted.trim(), sorting),
    [listing.entries, wanted, sorting],
  );
  const here = place.rawPath ?? place.path;
  const entry = selected?.in === here ? rows.find((each) => entryKey(each) === selected.key) : undefined;
  const put = usePutFiles(folder, listing.entries);
  const [isFollowed, setFollowed] = useState(false);
  const go = (to: InsidePath) => {
    setSearch('');
    onPlace(to);
  };
  const openEntry = (each: InsideEntry) => {
    if (each.kind !== 'folder') return;
    setFollowed(true);
    go(entryPath(place, each));
  };
  const goUp = () => {
    if (here === '/') return onVolumes();
    const above = parentOf(place);
    setFollowed(true);
    // Where one came from is where one goes on.
    setSelected({ in: above.rawPath ?? above.path, key: entryKey({ name: nameOf(place) }) });
    go(above);
  };
  const { query } = listing;
  return (
    <section className={classes.view} aria-label={words.inside.files.title}>
      <PathCrumbs volume={volume} place={place} onPlace={go} onVolumes={onVolumes} />
      <FilesToolbar
        folder={folder}
        listing={listing}
        shown={rows.length}
        search={search}
        onSearch={setSearch}
        put={session.writable ? put : null}
      />
      {query.isError && query.data === undefined ? (
        <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />
      ) : null}
      {query.isPending ? <RowSkeletons count={8} height={32} /> : null}
      {query.data === undefined ? null : (
        <DropZone put={session.writable ? put : null}>
          <div className={classes.columns}>
            <EntryTable
              key={here}
              rows={rows}
              isEmpty={listing.entries.length === 0 && listing.isComplete}
              sorting={sorting}
              onSort={setSorting}
              selected={entry === undefined ? null : entryKey(entry)}
              onSelect={(each) => setSelected({ in: here, key: entryKey(each) })}
              onOpen={openEntry}
              onUp={goUp}
              takesFocus={isFollowed}
              onEnd={listing.loadMore}
            />
            <PreviewPane
              folder={folder}
              entry={entry ?? null}
              isWritable={session.writable}
              onOpen={openEntry}
              onDeleted={() => setSelected(null)}
            />
          </div>
        </DropZone>
      )}
      {query.isError && query.data !== undefined ? (
        <ErrorNotice error={query.error} onRetry={() => void query.fetchNextPage()} />
      ) : null}
    </section>
  );
}
