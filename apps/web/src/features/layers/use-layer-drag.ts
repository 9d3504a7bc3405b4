import { type PointerEvent, useRef, useState } from 'react';
import { type ConceivableAction, draggedAction } from './conceivable-actions.ts';

/** Less is a click with an unsteady hand. */
const startDistance = 8;

export interface LayerDrag {
  readonly from: number;
  readonly onto: number;
  readonly action: ConceivableAction | undefined;
  readonly x: number;
  readonly y: number;
}

/**
 * Dragging a layer onto another: down proposes a commit, up a pull. Mouse and pen only: on a touch screen the
 * same gesture scrolls, and the actions beside the drawing do the same.
 */
export function useLayerDrag(chain: readonly string[], onPropose: (action: ConceivableAction) => void) {
  const [drag, setDrag] = useState<LayerDrag | null>(null);
  const start = useRef<{ index: number; x: number; y: number } | null>(null);
  const moved = useRef(false);

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
    const onto = rowIndex(document.elementFromPoint(event.clientX, event.clientY)) ?? from.index;
    const action = draggedAction(chain, from.index, onto);
    setDrag({ from: from.index, onto, action, x: event.clientX, y: event.clientY });
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
  return {
    drag,
    handlers: { onPointerDown, onPointerMove, onPointerUp, onPointerCancel: stop, onClickCapture },
  };
}

function rowIndex(target: EventTarget | null): number | null {
  const row = target instanceof Element ? target.closest<HTMLElement>('[data-index]') : null;
  return row?.dataset.index === undefined ? null : Number(row.dataset.index);
}
