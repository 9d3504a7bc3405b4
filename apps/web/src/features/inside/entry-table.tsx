// biome-ignore-all lint/a11y/useSemanticElements: rows that do not exist until they are scrolled to are no <table>
// biome-ignore-all lint/a11y/useFocusableInteractive: the grid has the focus and names its row
import { UnstyledButton } from '@mantine/core';
import type { InsideEntry } from '@strata/contract';
import { IconArrowDown, IconArrowUp } from '@tabler/icons-react';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, useEffect, useId, useRef } from 'react';
import { words } from '../../lib/words.ts';
import { type EntryColumn, type EntrySorting, entryColumns, entryKey, keyRow } from './entry-list.ts';
import { EntryRow } from './entry-row.tsx';
import classes from './entry-table.module.css';

interface EntryTableProps {
  rows: readonly InsideEntry[];
  /** There is nothing in the folder, matching or not. */
  isEmpty: boolean;
  sorting: EntrySorting;
  onSort: (sorting: EntrySorting) => void;
  selected: string | null;
  onSelect: (entry: InsideEntry) => void;
  onOpen: (entry: InsideEntry) => void;
  onUp: () => void;
  /** The last rows are in view. */
  onEnd: () => void;
  /** Somebody came here through the rows of another folder, and goes on with the same keys. */
  takesFocus: boolean;
}

const rowHeight = 34;
const headHeight = 34;
const text = words.inside.files;

/** A folder of a hundred thousand scrolls as one of ten does: only the rows in view exist. */
export function EntryTable(props: EntryTableProps) {
  const { rows, isEmpty, selected, onSelect, onOpen, onUp, onEnd, takesFocus } = props;
  const scrollRef = useRef<HTMLDivElement>(null);
  const prefix = useId();
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scrollRef.current,
    estimateSize: () => rowHeight,
    getItemKey: (index) => entryKey(rows[index] ?? { name: String(index) }),
    // The heads stand above the rows, in the same window.
    scrollPaddingEnd: headHeight,
    overscan: 12,
  });
  const items = virtualizer.getVirtualItems();
  const at = selected === null ? -1 : rows.findIndex((row) => entryKey(row) === selected);
  useEffect(() => {
    if (at >= 0) virtualizer.scrollToIndex(at, { align: 'auto' });
  }, [at, virtualizer]);
  useEffect(() => {
    if (takesFocus) scrollRef.current?.focus({ preventScroll: true });
  }, [takesFocus]);
  const isAtEnd = (items.at(-1)?.index ?? -1) >= rows.length - 1;
  // biome-ignore lint/correctness/useExhaustiveDependencies: each page that has come may leave the end in view
  useEffect(() => {
    if (isAtEnd) onEnd();
  }, [isAtEnd, rows.length]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const row = rows[at];
    if (event.key === 'Backspace') {
      event.preventDefault();
      return onUp();
    }
    if (event.key === 'Enter' && row !== undefined) {
      event.preventDefault();
      return onOpen(row);
    }
    const page = Math.max(1, Math.floor((scrollRef.current?.clientHeight ?? 0) / rowHeight) - 1);
    const target = rows[keyRow(event.key, at, rows.length, page) ?? -1];
    if (target === undefined) return;
    event.preventDefault();
    onSelect(target);
  };
  return (
    <div className={classes.frame}>
      <div
        ref={scrollRef}
        role="grid"
        tabIndex={0}
        className={classes.scroll}
        aria-label={text.title}
        aria-rowcount={rows.length + 1}
        aria-describedby={`${prefix}keys`}
        aria-activedescendant={at < 0 ? undefined : `${prefix}${at}`}
        onKeyDown={onKeyDown}
      >
        <Head {...props} />
        {rows.length === 0 ? <p className={classes.empty}>{isEmpty ? text.empty : text.noneMatch}</p> : null}
        <div className={classes.canvas} role="presentation" style={{ height: virtualizer.getTotalSize() }}>
          {items.map((item) => {
            const entry = rows[item.index];
            return entry === undefined ? null : (
              <EntryRow
                key={item.key}
                id={`${prefix}${item.index}`}
                entry={entry}
                index={item.index}
                start={item.start}
                isSelected={item.index === at}
                onSelect={onSelect}
                onOpen={onOpen}
              />
            );
          })}
        </div>
      </div>
      <p id={`${prefix}keys`} className={classes.keys}>
        {text.keys}
      </p>
    </div>
  );
}

function Head({ sorting, onSort }: Pick<EntryTableProps, 'sorting' | 'onSort'>) {
  return (
    <div role="row" aria-rowindex={1} className={classes.head}>
      {entryColumns.map((column) => (
        <HeadCell key={column} column={column} sorting={sorting} onSort={onSort} />
      ))}
      <span role="columnheader" className={classes.mode}>
        {text.columns.mode}
      </span>
    </div>
  );
}

interface HeadCellProps extends Pick<EntryTableProps, 'sorting' | 'onSort'> {
  column: EntryColumn;
}

function HeadCell({ column, sorting, onSort }: HeadCellProps) {
  const isActive = sorting.column === column;
  const Icon = sorting.descending ? IconArrowDown : IconArrowUp;
  return (
    <span
      role="columnheader"
      className={classes[column]}
      aria-sort={isActive ? (sorting.descending ? 'descending' : 'ascending') : undefined}
    >
      <UnstyledButton
        className={classes.sort}
        onClick={() => onSort({ column, descending: isActive ? !sorting.descending : false })}
      >
        {text.columns[column]}
        {isActive ? <Icon size={13} aria-hidden /> : null}
      </UnstyledButton>
    </span>
  );
}
