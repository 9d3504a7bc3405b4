/** The part of the virtual disk that the strips show, in bytes. */
export interface DiskRange {
  readonly start: number;
  readonly length: number;
}

export const wholeDisk = (virtualSize: number): DiskRange => ({ start: 0, length: virtualSize });

/** Closer than this there is nothing more to see: a cluster is 64 KiB. */
const closest = 1024 ** 2;
const sector = 512;

/** The same length, moved into the disk. In whole sectors, so that one view is one question to the server. */
function fitted(start: number, length: number, virtualSize: number): DiskRange {
  const whole = Math.min(Math.max(Math.round(length / sector) * sector, sector), virtualSize);
  const from = Math.min(Math.max(Math.round(start / sector) * sector, 0), virtualSize - whole);
  return { start: from, length: whole };
}

/** Closer by `factor` (further away below 1) around the place that is at `fraction` of the view, which stays there. */
export function zoomed(range: DiskRange, virtualSize: number, factor: number, fraction = 0.5): DiskRange {
  const nearest = Math.min(closest, virtualSize);
  const length = Math.min(Math.max(range.length / factor, nearest), virtualSize);
  return fitted(range.start + (range.length - length) * fraction, length, virtualSize);
}

/** Sideways, by a fraction of the view. */
export const moved = (range: DiskRange, virtualSize: number, fraction: number): DiskRange =>
  fitted(range.start + range.length * fraction, range.length, virtualSize);

/** After the disk became shorter or longer. */
export const kept = (range: DiskRange, virtualSize: number): DiskRange =>
  fitted(range.start, range.length, virtualSize);

export const isWhole = (range: DiskRange, virtualSize: number): boolean => range.length >= virtualSize;

export const isClosest = (range: DiskRange): boolean => range.length <= closest;

/** Keys on the drawing, as in other viewers; undefined for those that mean nothing here. */
export function zoomByKey(range: DiskRange, virtualSize: number, key: string): DiskRange | undefined {
  switch (key) {
    case '+':
    case '=':
      return zoomed(range, virtualSize, 2);
    case '-':
      return zoomed(range, virtualSize, 0.5);
    case '0':
      return wholeDisk(virtualSize);
    case 'ArrowLeft':
      return moved(range, virtualSize, -0.25);
    case 'ArrowRight':
      return moved(range, virtualSize, 0.25);
    default:
      return undefined;
  }
}
