import { useElementSize } from '@mantine/hooks';
import type { Vm } from '@strata/contract';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useLayoutEffect } from 'react';
import { contentElement } from '../../lib/content-element.ts';
import { VmCard } from './vm-card.tsx';
import classes from './vm-grid.module.css';

const cardWidth = 264;
const gap = 16;
/** Everything below the picture, see vm-card.module.css. */
const bodyHeight = 130;

/** Cards in as many columns as fit; only the rows in view are in the document, so that 500 VMs scroll smoothly. */
export function VmGrid({ vms }: { vms: Vm[] }) {
  const { ref, width } = useElementSize();
  const columns = Math.max(1, Math.floor((width + gap) / (cardWidth + gap)));
  const widthOfOne = width ? (width - gap * (columns - 1)) / columns : cardWidth;
  const rowHeight = Math.round(widthOfOne * 0.625) + bodyHeight + gap;
  const rows = useVirtualizer({
    count: Math.ceil(vms.length / columns),
    getScrollElement: contentElement,
    estimateSize: () => rowHeight,
    overscan: 1,
    useFlushSync: false,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the one height of all rows changes with the window
  useLayoutEffect(() => rows.measure(), [rows, rowHeight]);
  return (
    <div ref={ref}>
      <div className={classes.space} style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map((row) => (
          <div
            key={row.key}
            className={classes.row}
            style={{
              height: rowHeight,
              transform: `translateY(${row.start}px)`,
              gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`,
            }}
          >
            {vms.slice(row.index * columns, (row.index + 1) * columns).map((vm) => (
              <VmCard key={vm.id} vm={vm} />
            ))}
          </div>
        ))}
      </div>
    </div>
  );
}
