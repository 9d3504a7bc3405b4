import { Tooltip } from '@mantine/core';
import { type PointerEvent, type ReactNode, useState } from 'react';
import classes from './strip.module.css';
import { StripCanvas } from './strip-canvas.tsx';
import type { Paint } from './strip-paint.ts';
import type { DiskRange } from './zoom.ts';

interface StripProps {
  paint: Paint;
  range: DiskRange;
  label: string;
  /** What lies in the bytes `[from, to)` under the pointer. */
  describe: (from: number, to: number) => ReactNode;
  thin?: boolean;
}

/** A range of the virtual disk from its first to its last byte, with what is under the pointer in words. */
export function Strip({ paint, range, label, describe, thin = false }: StripProps) {
  const [hover, setHover] = useState<ReactNode>(null);
  const move = (event: PointerEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const fraction = (event.clientX - box.left) / box.width;
    if (fraction < 0 || fraction >= 1) return setHover(null);
    const at = (part: number) => range.start + part * range.length;
    setHover(describe(at(fraction), at(fraction + 1 / box.width)));
    // The cross-hair goes through all strips: a custom property moves it without drawing anything again.
    event.currentTarget
      .closest<HTMLElement>('[data-strips]')
      ?.style.setProperty('--strip-hover', `${fraction * 100}%`);
  };
  const leave = (event: PointerEvent<HTMLDivElement>) => {
    setHover(null);
    event.currentTarget.closest<HTMLElement>('[data-strips]')?.style.removeProperty('--strip-hover');
  };
  return (
    <Tooltip.Floating label={hover} disabled={hover === null} multiline position="top" offset={14}>
      <div
        className={classes.strip}
        data-strip
        data-thin={thin || undefined}
        role="img"
        aria-label={label}
        onPointerMove={move}
        onPointerLeave={leave}
      >
        <StripCanvas paint={paint} />
      </div>
    </Tooltip.Floating>
  );
}
