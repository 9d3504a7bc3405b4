import type { Plan } from '@strata/contract';
import type { FoldedRow } from './align-chains.ts';
import classes from './plan-drawing.module.css';
import type { PlanLayer } from './plan-drawing.tsx';

const gutter = 34;

interface MoveArrowsProps {
  rows: readonly FoldedRow<PlanLayer>[];
  moves: Plan['moves'];
  rowHeight: number;
}

/** From each layer whose data moves to the layer that receives it, beside the drawing of before. */
export function MoveArrows({ rows, moves, rowHeight }: MoveArrowsProps) {
  const rowOf = new Map<string, number>();
  rows.forEach((row, index) => {
    if ('folded' in row) {
      for (const { before } of row.folded) if (before) rowOf.set(before.imageId, index);
      return;
    }
    if (row.before) rowOf.set(row.before.imageId, index);
    else if (row.after) rowOf.set(row.after.imageId, index);
  });
  // One for each pair of rows: what is folded moves as one.
  const arrows = new Map<string, { start: number; end: number }>();
  for (const { from, to } of moves) {
    const [start, end] = [rowOf.get(from), rowOf.get(to)];
    if (start !== undefined && end !== undefined && start !== end)
      arrows.set(`${start} ${end}`, { start, end });
  }
  return (
    <svg
      className={classes.arrows}
      width={gutter}
      height={rows.length * rowHeight}
      viewBox={`0 0 ${gutter} ${rows.length * rowHeight}`}
      aria-hidden
    >
      {[...arrows].map(([key, { start, end }], index) => {
        const [y1, y2] = [start * rowHeight + rowHeight / 2, end * rowHeight + rowHeight / 2];
        // Arrows that leave one after another run side by side.
        const x = Math.max(5, gutter - 16 - index * 6);
        const turn = y2 > y1 ? 7 : -7;
        return (
          <g key={key}>
            <path
              d={`M ${gutter} ${y1} H ${x + 7} Q ${x} ${y1} ${x} ${y1 + turn} V ${y2 - turn} Q ${x} ${y2} ${x + 7} ${y2} H ${gutter - 5}`}
            />
            <polygon points={`${gutter},${y2} ${gutter - 8},${y2 - 5} ${gutter - 8},${y2 + 5}`} />
          </g>
        );
      })}
    </svg>
  );
}
