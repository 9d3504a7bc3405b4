import { useWindowEvent } from '@mantine/hooks';
import { type PointerEvent, useEffect, useRef, useState } from 'react';
import { contentElement } from '../../lib/content-element.ts';
import { type ConceivableAction, draggedAction } from './conceivable-actions.ts';
import type { Run } from './selection.ts';

/** Less is a click with an unsteady hand. */
const startDistance = 8;
/** So near to an edge the rows scroll by themselves. */
const edge = 56;
const perFrame = 9;

export interface LayerDrag {
  readonly run: Run;
  readonly onto: number;
  readonly action: ConceivableAction | undefined;
  readonly x: number;
  readonly y: number;
}

/**
 * Dragging a layer, or the selected run, onto another: down proposes a commit, up a pull. Mouse and pen only: on a
 * touch screen the same gesture scrolls, and the actions beside the drawing do the same.
 */
export function useLayerDrag(
  chain: readonly string[],
  selected: Run | null,
  onPropose: (action: ConceivableAction) => void,
) {
  const [drag, setDrag] = useState<LayerDrag | null>(null);
  const start = useRef<{ index: number; x: number; y: number } | null>(null);
  const moved = useRef(false);
  const rows = useRef<HTMLElement | null>(null);

  const aim = (x: number, y: number, from: number) => {
    const isInRun = selected !== null && from >= selected.upper && from <= selected.lower;
    const run = isInRun ? selected : { upper: from, lower: from };
    const onto = rowIndex(document.elementFromPoint(x, y)) ?? from;
    setDrag({ run, onto, action: draggedAction(chain, run, onto), x, y });
  };
  const onPointerDown = (event: PointerEvent<HTMLElement>) => {
    moved.current = false;
    const index = rowIndex(event.target);
    const free = event.pointerType !== 'touch' && event.button === 0 && !event.shiftKey;
    const onControl = (event.target as Element).closest('button, a') !== null;
    start.current =
      free && !onControl && index !== null ? { index, x: event.clientX, y: event.clientY } : null;
  };
  const onPointerMove = (event: PointerEvent<HTMLElement>) => {
    const from = start.current;
    if (from === null) return;
    if (drag === null && Math.hypot(event.clientX - from.x, event.clientY - from.y) < startDistance) return;
    if (drag === null) event.currentTarget.setPointerCapture(event.pointerId);
    moved.current = true;
    rows.current = event.currentTarget;
    aim(event.clientX, event.clientY, from.index);
  };
  const stop = () => {
    start.current = null;
    setDrag(null);
  };
  const onPointerUp = () => {
    if (drag?.action !== undefined) onPropose(drag.action);
    stop();
  };
  /** The click that ends a drag selects nothing. */
  const onClickCapture = (event: { stopPropagation: () => void }) => {
    if (moved.current) event.stopPropagation();
    moved.current = false;
  };
  useWindowEvent('keydown', (event) => {
    if (drag !== null && event.key === 'Escape') stop();
  });
  useEdgeScroll(drag, rows, (x, y) => {
    if (start.current !== null) aim(x, y, start.current.index);
  });
  return {
    drag,
    handlers: { onPointerDown, onPointerMove, onPointerUp, onPointerCancel: stop, onClickCapture },
  };
}

/** While something is dragged near an edge of what scrolls, it scrolls, and what lies under the pointer changes. */
function useEdgeScroll(
  drag: LayerDrag | null,
  rows: { readonly current: HTMLElement | null },
  onScrolled: (x: number, y: number) => void,
): void {
  const latest = useRef({ drag, onScrolled });
  latest.current = { drag, onScrolled };
  const isDragging = drag !== null;
  useEffect(() => {
    if (!isDragging) return;
    const step = () => {
      frame = requestAnimationFrame(step);
      const at = latest.current.drag;
      if (at === null) return;
      for (const scroller of [rows.current, contentElement()]) {
        if (scroller === null || !scrollAt(scroller, at.y)) continue;
        latest.current.onScrolled(at.x, at.y);
        return;
      }
    };
    let frame = requestAnimationFrame(step);
    return () => cancelAnimationFrame(frame);
  }, [isDragging, rows]);
}

/** Whether it scrolled. */
function scrollAt(scroller: HTMLElement, y: number): boolean {
  const box = scroller.getBoundingClientRect();
  const before = scroller.scrollTop;
  if (y < box.top + edge) scroller.scrollTop -= perFrame;
  else if (y > box.bottom - edge) scroller.scrollTop += perFrame;
  return scroller.scrollTop !== before;
}

function rowIndex(target: EventTarget | null): number | null {
  const row = target instanceof Element ? target.closest<HTMLElement>('[data-index]') : null;
  return row?.dataset.index === undefined ? null : Number(row.dataset.index);
}
