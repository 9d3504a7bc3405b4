import { ActionIcon, Tooltip } from '@mantine/core';
import {
  IconArrowAutofitWidth,
  IconChevronLeft,
  IconChevronRight,
  IconZoomIn,
  IconZoomOut,
} from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { formatPlace } from '../../lib/format.ts';
import { words } from '../../lib/words.ts';
import type { Zoom } from './use-zoom.ts';
import { isClosest, isWhole, moved, wholeDisk, zoomed } from './zoom.ts';
import classes from './zoom-controls.module.css';

/** Closer, further away and sideways, for those without a wheel; and where in the disk one is. */
export function ZoomControls({ zoom }: { zoom: Zoom }) {
  const { range, virtualSize, show } = zoom;
  const text = words.layers.zoom;
  const place = (byte: number) => formatPlace(byte, range.length);
  const whole = isWhole(range, virtualSize);
  const atStart = range.start === 0;
  const atEnd = range.start + range.length >= virtualSize;
  return (
    <div className={classes.controls} role="toolbar" aria-label={text.label} data-zoom>
      <span className={classes.place} aria-live="polite">
        {whole ? text.whole : text.range(place(range.start), place(range.start + range.length))}
      </span>
      <span className={classes.overview} aria-hidden>
        <span
          className={classes.window}
          style={{
            left: `${(range.start / virtualSize) * 100}%`,
            width: `${(range.length / virtualSize) * 100}%`,
          }}
        />
      </span>
      <Step
        label={text.left}
        why={atStart ? text.atStart : null}
        onClick={() => show(moved(range, virtualSize, -0.5))}
      >
        <IconChevronLeft size={16} />
      </Step>
      <Step
        label={text.right}
        why={atEnd ? text.atEnd : null}
        onClick={() => show(moved(range, virtualSize, 0.5))}
      >
        <IconChevronRight size={16} />
      </Step>
      <Step
        label={text.out}
        why={whole ? text.isWhole : null}
        onClick={() => show(zoomed(range, virtualSize, 0.5))}
      >
        <IconZoomOut size={16} />
      </Step>
      <Step
        label={text.in}
        why={isClosest(range) ? text.isClosest : null}
        onClick={() => show(zoomed(range, virtualSize, 2))}
      >
        <IconZoomIn size={16} />
      </Step>
      <Step label={text.all} why={whole ? text.isWhole : null} onClick={() => show(wholeDisk(virtualSize))}>
        <IconArrowAutofitWidth size={16} />
      </Step>
    </div>
  );
}

/** Stays where the keyboard is when it can do nothing more, and says why. */
function Step(props: { label: string; why: string | null; onClick: () => void; children: ReactNode }) {
  const { label, why, onClick, children } = props;
  return (
    <Tooltip label={why ?? label}>
      <ActionIcon
        variant="subtle"
        size="sm"
        aria-label={label}
        aria-disabled={why !== null || undefined}
        {...(why === null ? {} : { 'data-disabled': true })}
        onClick={why === null ? onClick : undefined}
      >
        {children}
      </ActionIcon>
    </Tooltip>
  );
}
