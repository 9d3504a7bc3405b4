import { type KeyboardEvent, type RefObject, useEffect, useMemo, useRef } from 'react';
import { type DiskRange, isWhole, kept, moved, wholeDisk, zoomByKey, zoomed } from './zoom.ts';

export interface Zoom {
  readonly range: DiskRange;
  readonly virtualSize: number;
  show(range: DiskRange): void;
  onKeyDown(event: KeyboardEvent): void;
}

interface ZoomInput {
  readonly ground: RefObject<HTMLElement | null>;
  readonly virtualSize: number;
  /** Null: the whole disk, whatever becomes of its size. */
  readonly range: DiskRange | null;
  readonly show: (range: DiskRange | null) => void;
}

const wheelStep = 1.25;
/** The rate of wheels that count in lines rather than pixels. */
const linePixels = 16;

/**
 * Which part of the disk the strips in `ground` show. Ctrl and the wheel (or two fingers apart) look closer at what
 * is under the pointer; Shift and the wheel move sideways; the wheel alone scrolls the page, as everywhere.
 */
export function useZoom({ ground, virtualSize, range: wanted, show: want }: ZoomInput): Zoom {
  const range = useMemo(
    () => (wanted === null ? wholeDisk(virtualSize) : kept(wanted, virtualSize)),
    [wanted, virtualSize],
  );
  const show = (next: DiskRange) => want(isWhole(next, virtualSize) ? null : next);
  // Several turns of the wheel may come before the first is drawn.
  const latest = useRef({ range, virtualSize, show });
  latest.current = { range, virtualSize, show };

  // React's own wheel listeners are passive and cannot keep the page from zooming.
  const ready = virtualSize > 0;
  useEffect(() => {
    const element = ground.current;
    if (element === null || !ready) return;
    const onWheel = (event: WheelEvent) => {
      const next = rangeByWheel(event, latest.current.range, latest.current.virtualSize);
      if (next === undefined) return;
      event.preventDefault();
      latest.current.range = next;
      latest.current.show(next);
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, [ground, ready]);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const here = event.target instanceof Element && event.target.matches('[role="row"], [data-zoom] *');
    const next = here ? zoomByKey(range, virtualSize, event.key) : undefined;
    if (next === undefined) return;
    event.preventDefault();
    show(next);
  };
  return { range, virtualSize, show, onKeyDown };
}

function rangeByWheel(event: WheelEvent, range: DiskRange, virtualSize: number): DiskRange | undefined {
  const strip = event.target instanceof Element ? event.target.closest('[data-strip]') : null;
  if (strip === null || !(event.ctrlKey || event.metaKey || event.shiftKey)) return undefined;
  const pixels = (event.deltaY || event.deltaX) * (event.deltaMode === 0 ? 1 : linePixels);
  const box = strip.getBoundingClientRect();
  return event.shiftKey
    ? moved(range, virtualSize, pixels / box.width)
    : zoomed(range, virtualSize, wheelStep ** (-pixels / 50), (event.clientX - box.left) / box.width);
}
