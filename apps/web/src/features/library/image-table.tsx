import { Checkbox, UnstyledButton } from '@mantine/core';
import type { Image } from '@strata/contract';
import { IconAlertTriangle, IconArrowDown, IconArrowUp } from '@tabler/icons-react';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useRef } from 'react';
import { words } from '../../lib/words.ts';
import { Bytes } from '../../ui/bytes.tsx';
import { When } from '../../ui/when.tsx';
import { VerifiedMark } from './checksum-facts.tsx';
import { hasProblem, problemsOf, type SortColumn, type Sorting, sortColumns } from './image-list.ts';
import classes from './image-table.module.css';

interface ImageTableProps {
  images: readonly Image[];
  nameOf: (id: string) => string;
  sorting: Sorting;
  onSort: (sorting: Sorting) => void;
  onOpen: (id: string) => void;
  selected: ReadonlySet<string>;
  onSelect: (ids: readonly string[], selected: boolean) => void;
}

/** Only the rows in view exist: a library of thousands scrolls as one of ten does. */
export function ImageTable({ images, nameOf, sorting, onSort, onOpen, selected, onSelect }: ImageTableProps) {
  const scrollRef = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: images.length,
    getScrollElement: () => scrollRef.current,
    estimateSize: () => 40,
    getItemKey: (index) => images[index]?.id ?? index,
    overscan: 12,
  });
  const items = virtualizer.getVirtualItems();
  const before = items[0]?.start ?? 0;
  const after = virtualizer.getTotalSize() - (items.at(-1)?.end ?? 0);
  return (
    <div ref={scrollRef} className={classes.scroll}>
      <table className={classes.table} aria-rowcount={images.length + 1}>
        <caption className="visually-hidden">{words.library.table}</caption>
        <thead>
          <tr>
            <SelectAll images={images} selected={selected} onSelect={onSelect} />
            {sortColumns.map((column) => (
              <Heading key={column} column={column} sorting={sorting} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          <Spacer height={before} />
          {items.map(({ index, key }) => {
            const image = images[index];
            return image === undefined ? null : (
              <ImageRow
                key={key}
                image={image}
                index={index}
                nameOf={nameOf}
                onOpen={onOpen}
                selected={selected.has(image.id)}
                onSelect={(on) => onSelect([image.id], on)}
                measure={virtualizer.measureElement}
              />
            );
          })}
          <Spacer height={after} />
        </tbody>
      </table>
    </div>
  );
}

const Spacer = ({ height }: { height: number }) =>
  height <= 0 ? null : (
    <tr aria-hidden>
      {/* One cell only: spanning columns that a narrow window hides would bring them back, empty. */}
      <td style={{ height, padding: 0, border: 0 }} />
    </tr>
  );

interface HeadingProps {
  column: SortColumn;
  sorting: Sorting;
  onSort: (sorting: Sorting) => void;
}

function Heading({ column, sorting, onSort }: HeadingProps) {
  const active = sorting.column === column;
  const label = words.library.columns[column];
  const Icon = sorting.descending ? IconArrowDown : IconArrowUp;
  return (
    <th
      scope="col"
      className={classes[column]}
      aria-sort={active ? (sorting.descending ? 'descending' : 'ascending') : undefined}
    >
      <UnstyledButton
        className={classes.sort}
        title={words.library.sortBy(label)}
        onClick={() => onSort({ column, descending: active ? !sorting.descending : false })}
      >
        {label}
        {active ? <Icon size={13} aria-hidden /> : null}
      </UnstyledButton>
    </th>
  );
}

function SelectAll({
  images,
  selected,
  onSelect,
}: Pick<ImageTableProps, 'images' | 'selected' | 'onSelect'>) {
  const count = images.filter(({ id }) => selected.has(id)).length;
  const all = count > 0 && count === images.length;
  return (
    <td className={classes.select}>
      <Checkbox
        size="xs"
        aria-label={words.many.selectAll}
        checked={all}
        indeterminate={count > 0 && !all}
        onChange={() =>
          onSelect(
            images.map(({ id }) => id),
            !all,
          )
        }
      />
    </td>
  );
}

interface ImageRowProps {
  image: Image;
  index: number;
  nameOf: (id: string) => string;
  onOpen: (id: string) => void;
  selected: boolean;
  onSelect: (selected: boolean) => void;
  /** A narrow window makes rows of two lines. */
  measure: (row: HTMLTableRowElement | null) => void;
}

function ImageRow({ image, index, nameOf, onOpen, selected, onSelect, measure }: ImageRowProps) {
  const { library } = words;
  const shown = nameOf(image.id);
  const users = image.usedBy.filter(({ kind }) => kind !== 'overlay').map(({ name }) => name);
  const used = users.join(', ');
  const below = image.backingId === null ? undefined : nameOf(image.backingId);
  return (
    <tr
      ref={measure}
      data-index={index}
      className={classes.row}
      aria-rowindex={index + 2}
      onClick={() => onOpen(image.id)}
    >
      <td className={classes.select}>
        <Checkbox
          size="xs"
          aria-label={words.many.select(shown)}
          checked={selected}
          onClick={(event) => event.stopPropagation()}
          onChange={(event) => onSelect(event.currentTarget.checked)}
        />
      </td>
      <th scope="row" className={classes.name}>
        <UnstyledButton
          className={classes.open}
          title={image.path}
          aria-label={library.actions.open(shown)}
          onClick={(event) => {
            event.stopPropagation();
            onOpen(image.id);
          }}
        >
          {hasProblem(image) ? (
            <IconAlertTriangle
              size={14}
              className={classes.warning}
              aria-label={problemsOf(image)[0]?.message ?? library.gone}
            />
          ) : null}
          <VerifiedMark image={image} />
          {image.name}
          {shown === image.name ? null : <span className={classes.file}> {shown}</span>}
        </UnstyledButton>
        {used === '' ? null : <div className={classes.usedBelow}>{library.usedByThese(used)}</div>}
      </th>
      <td className={classes.format}>{image.format}</td>
      <td className={classes.role}>{library.roles[image.role]}</td>
      <td className={classes.size}>
        <Bytes value={image.virtualSize} />
      </td>
      <td className={classes.stored}>
        <Bytes value={image.allocatedSize} />
      </td>
      <td className={classes.backing} title={below}>
        {below === undefined ? library.none : <div className={classes.names}>{below}</div>}
      </td>
      <td className={classes.overlays}>{image.overlays.length || library.none}</td>
      <td className={classes.usedBy} title={used}>
        {used === '' ? library.none : <div className={classes.names}>{used}</div>}
      </td>
      <td className={classes.modified}>
        <When at={image.modifiedAt} />
      </td>
    </tr>
  );
}
