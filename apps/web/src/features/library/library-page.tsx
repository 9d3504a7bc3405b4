import { Button, SegmentedControl, TextInput } from '@mantine/core';
import type { Upload } from '@strata/contract';
import { IconPlus, IconSearch, IconStack2 } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useDeferredValue, useMemo, useState } from 'react';
import { exportsQuery, imagesQuery, trashQuery } from '../../api/queries.ts';
import { imageNames } from '../../lib/image-names.ts';
import { words } from '../../lib/words.ts';
import { EmptyState } from '../../ui/empty-state.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { Page } from '../../ui/page.tsx';
import { RowSkeletons } from '../../ui/skeletons.tsx';
import { ExportsDialog } from '../exports/exports-dialog.tsx';
import { MakeImageDialog } from '../make/make-image-dialog.tsx';
import { UploadButton } from '../uploads/upload-button.tsx';
import { UploadsPanel } from '../uploads/uploads-panel.tsx';
import { CreateImageDialog } from './create-image-dialog.tsx';
import { FoldersDialog } from './folders-dialog.tsx';
import { ImageDrawer } from './image-drawer.tsx';
import { listImages, type Sorting } from './image-list.ts';
import { ImageTable } from './image-table.tsx';
import classes from './library-page.module.css';
import { LibraryProblems } from './library-problems.tsx';
import { ManyImagesBar } from './many-images-bar.tsx';
import { RegisterImageDialog } from './register-image-dialog.tsx';
import { TrashDialog } from './trash-dialog.tsx';

const ForestView = lazy(async () => ({ default: (await import('../forest/forest-view.tsx')).ForestView }));

type Dialog = 'create' | 'register' | 'folders' | 'trash' | 'exports' | 'make' | null;

/** All images Strata knows, as a table or as a forest; `?image=ID` shows the details of one. */
export function LibraryPage() {
  const images = useQuery(imagesQuery());
  const [dialog, setDialog] = useState<Dialog>(null);
  const [sent, setSent] = useState<Upload | null>(null);
  const [search, setSearch] = useState('');
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [sorting, setSorting] = useState<Sorting>({ column: 'name', descending: false });
  const { image: openId, trash: showsTrash, view } = useSearch({ strict: false });
  const navigate = useNavigate();
  const show = (image: string | null, forest: boolean) =>
    void navigate({
      to: '/library',
      search: { ...(image === null ? {} : { image }), ...(forest ? { view: 'forest' } : {}) },
    });
  const open = (image: string | null) => show(image, view === 'forest');
  const close = () => {
    setDialog(null);
    setSent(null);
    if (showsTrash) open(null);
  };

  const items = images.data?.items;
  const nameOf = useMemo(() => {
    const names = imageNames(items ?? []);
    return (id: string) => names[id] ?? '';
  }, [items]);
  const wanted = useDeferredValue(search);
  const shown = useMemo(
    () => listImages(items ?? [], wanted.trim(), sorting, nameOf),
    [items, wanted, sorting, nameOf],
  );
  return (
    <Page
      title={words.library.title}
      aside={<LibraryFacts items={items} />}
      actions={<Actions onOpen={setDialog} />}
    >
      <ErrorNotice error={images.error} onRetry={() => void images.refetch()} />
      <UploadsPanel
        onMake={(upload) => {
          setSent(upload);
          setDialog('make');
        }}
      />
      {images.isPending ? <RowSkeletons count={8} /> : null}
      {items?.length === 0 ? (
        <EmptyState
          icon={<IconStack2 size={40} />}
          title={words.library.empty.title}
          actions={
            <>
              <Button onClick={() => setDialog('create')}>{words.library.actions.createImage}</Button>
              <UploadButton />
              <Button variant="default" onClick={() => setDialog('folders')}>
                {words.library.folders.add}
              </Button>
              <Button variant="default" onClick={() => setDialog('register')}>
                {words.library.actions.register}
              </Button>
            </>
          }
        >
          {words.library.empty.text}
        </EmptyState>
      ) : null}
      {items && items.length > 0 ? (
        <>
          {view === 'forest' ? null : <LibraryProblems images={items} nameOf={nameOf} onOpen={open} />}
          <div className={classes.tools}>
            <TextInput
              className={classes.search ?? ''}
              type="search"
              leftSection={<IconSearch size={15} aria-hidden />}
              placeholder={words.library.search}
              aria-label={words.library.search}
              value={search}
              onChange={(event) => setSearch(event.currentTarget.value)}
            />
            <SegmentedControl
              aria-label={words.forest.view}
              value={view ?? 'table'}
              onChange={(chosen) => show(null, chosen === 'forest')}
              data={[
                { value: 'table', label: words.forest.table },
                { value: 'forest', label: words.forest.forest },
              ]}
            />
          </div>
          {view === 'forest' ? (
            <Suspense fallback={<RowSkeletons count={8} />}>
              <ForestView search={search} openId={openId ?? null} onOpen={open} />
            </Suspense>
          ) : shown.length === 0 ? (
            <p>{words.library.noneMatch}</p>
          ) : (
            <>
              <ManyImagesBar images={items} selected={selected} onClear={() => setSelected(new Set())} />
              <ImageTable
                images={shown}
                nameOf={nameOf}
                sorting={sorting}
                onSort={setSorting}
                onOpen={open}
                selected={selected}
                onSelect={(ids, on) => setSelected((before) => withIds(before, ids, on))}
              />
            </>
          )}
        </>
      ) : null}
      <CreateImageDialog opened={dialog === 'create'} onClose={close} />
      {dialog === 'register' ? <RegisterImageDialog onClose={close} /> : null}
      {dialog === 'folders' ? <FoldersDialog onClose={close} /> : null}
      {dialog === 'exports' ? <ExportsDialog onClose={close} /> : null}
      {dialog === 'make' ? <MakeImageDialog onClose={close} sent={sent} /> : null}
      {dialog === 'trash' || showsTrash ? <TrashDialog onClose={close} /> : null}
      <ImageDrawer imageId={openId ?? null} onClose={() => open(null)} onOpen={open} />
    </Page>
  );
}

const withIds = (before: ReadonlySet<string>, ids: readonly string[], on: boolean): ReadonlySet<string> => {
  const after = new Set(before);
  for (const id of ids)
    if (on) after.add(id);
    else after.delete(id);
  return after;
};

function LibraryFacts({ items }: { items: readonly { allocatedSize: number }[] | undefined }) {
  if (items === undefined || items.length === 0) return null;
  const stored = items.reduce((sum, { allocatedSize }) => sum + allocatedSize, 0);
  return <span>{words.library.facts(items.length, stored)}</span>;
}

function Actions({ onOpen }: { onOpen: (dialog: Dialog) => void }) {
  const trash = useQuery(trashQuery());
  const exports = useQuery(exportsQuery());
  const { actions } = words.library;
  return (
    <>
      <Button variant="default" onClick={() => onOpen('folders')}>
        {actions.folders}
      </Button>
      <Button variant="default" onClick={() => onOpen('exports')}>
        {words.exports.button(exports.data?.total ?? 0)}
      </Button>
      <Button variant="default" onClick={() => onOpen('trash')}>
        {actions.trash(trash.data?.total ?? 0)}
      </Button>
      <Button variant="default" onClick={() => onOpen('register')}>
        {actions.register}
      </Button>
      <Button variant="default" onClick={() => onOpen('make')}>
        {words.make.button}
      </Button>
      <UploadButton />
      <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => onOpen('create')}>
        {actions.createImage}
      </Button>
    </>
  );
}
