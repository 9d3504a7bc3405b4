import { Tooltip } from '@mantine/core';
import { type PointerEvent, type ReactNode, useState } from 'react';
import classes from './strip.module.css';
import { StripCanvas } from './strip-canvas.tsx';
import type { Paint } from './strip-paint.ts';

interface StripProps {
  paint: Paint;
  virtualSize: number;
  label: string;
  /** What lies in the bytes `[from, to)` under the pointer. */
  describe: (from: number, to: number) => ReactNode;
  thin?: boolean;
}

/** The virtual disk from its first to its last byte, with what is under the pointer in words. */
export function Strip({ paint, virtualSize, label, describe, thin = false }: StripProps) {
  const [hover, setHover] = useState<ReactNode>(null);
  const move = (event: PointerEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const fraction = (event.clientX - box.left) / box.width;
    if (fraction < 0 || fraction >= 1) return setHover(null);
    setHover(describe(fraction * virtualSize, (fraction + 1 / box.width) * virtualSize));
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
