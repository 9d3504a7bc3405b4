import type { Vm } from '@strata/contract';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type MouseEvent, useEffect, useId, useRef } from 'react';
import { words } from '../../lib/words.ts';
import { graphWidth, rowHeight } from './snapshot-graph.tsx';
import { SnapshotRow } from './snapshot-row.tsx';
import type { SnapshotRow as Row } from './snapshot-rows.ts';
import classes from './snapshot-tree.module.css';
import { clickRow, type TreeSelection } from './tree-selection.ts';
import { type TreeActs, useTreeKeys } from './use-tree-keys.ts';

interface SnapshotTreeProps extends TreeActs {
  rows: readonly Row[];
  vm: Vm;
  changed: boolean;
  search: string;
  /** A click selects one more. */
  several: boolean;
  selection: TreeSelection;
  busyIds: ReadonlySet<string>;
}

/** Restore points from the oldest down to "You are here". Only the rows in view are drawn. */
export function SnapshotTree(props: SnapshotTreeProps) {
  const { rows, vm, selection, onSelection, onFold } = props;
  const scrollRef = useRef<HTMLDivElement>(null);
  const prefix = useId();
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scrollRef.current,
    estimateSize: () => rowHeight,
    getItemKey: (index) => rows[index]?.id ?? index,
    overscan: 8,
  });
  const focusIndex = rows.findIndex(({ id }) => id === selection.focus);
  const length = rows.length;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a tree that grew above it moves the row as well
  useEffect(() => {
    if (focusIndex >= 0) virtualizer.scrollToIndex(focusIndex, { align: 'auto' });
  }, [focusIndex, length, virtualizer]);
  const keys = useTreeKeys(props);
  const columns = Math.max(...rows.map(({ lane }) => lane)) + 1;
  const selected = new Set(selection.ids);
  const onSelect = (id: string, event: MouseEvent) =>
    onSelection(
      clickRow(rows, selection, id, {
        shift: event.shiftKey,
        ctrl: props.several || event.ctrlKey || event.metaKey,
      }),
    );
  return (
    <div
      ref={scrollRef}
      role="tree"
      tabIndex={0}
      className={classes.tree}
      aria-label={words.snapshots.tree}
      aria-multiselectable
      aria-activedescendant={focusIndex < 0 ? undefined : `${prefix}${selection.focus}`}
      onKeyDown={keys}
      style={{ '--graph': `${graphWidth(columns)}px` }}
    >
      <div className={classes.canvas} role="presentation" style={{ height: virtualizer.getTotalSize() }}>
        {virtualizer.getVirtualItems().map((item) => {
          const row = rows[item.index];
          if (row === undefined) return null;
          return (
            <div
              key={item.key}
              role="presentation"
              className={classes.item}
              style={{ transform: `translateY(${item.start}px)` }}
            >
              <SnapshotRow
                row={row}
                domId={`${prefix}${row.id}`}
                columns={columns}
                vm={vm}
                changed={props.changed}
                search={props.search}
                selected={selected.has(row.id)}
                focused={row.id === selection.focus}
                busy={props.busyIds.has(row.id)}
                onSelect={onSelect}
                onFold={onFold}
              />
            </div>
          );
        })}
      </div>
    </div>
  );
}
