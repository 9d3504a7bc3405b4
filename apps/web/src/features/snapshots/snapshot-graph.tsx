import classes from './snapshot-row.module.css';
import type { SnapshotRow } from './snapshot-rows.ts';

/** All rows have one height: then five hundred need no measuring. */
export const rowHeight = 50;

const laneWidth = 18;
const markY = rowHeight / 2;
const bend = 14;

const xOf = (column: number) => column * laneWidth + 13;
export const graphWidth = (columns: number): number => xOf(columns - 1) + 13;

/** The lines of one row of the tree, and its mark: round for disks, a square with memory, a ring for "here". */
export function SnapshotGraph({ row, columns }: { row: SnapshotRow; columns: number }) {
  const x = xOf(row.lane);
  const { parentLane } = row;
  return (
    <svg className={classes.graph} width={graphWidth(columns)} height={rowHeight} aria-hidden>
      {row.passing.map((column) => (
        <line key={column} x1={xOf(column)} x2={xOf(column)} y1={0} y2={rowHeight} />
      ))}
      {parentLane === null ? null : parentLane === row.lane ? (
        <line x1={x} x2={x} y1={0} y2={markY} />
      ) : (
        <path
          d={`M ${xOf(parentLane)} 0 V ${markY - bend} Q ${xOf(parentLane)} ${markY} ${xOf(parentLane) + bend} ${markY} H ${x}`}
        />
      )}
      {row.continues ? <line x1={x} x2={x} y1={markY} y2={rowHeight} /> : null}
      {row.hidden > 0 ? <line x1={x} x2={x} y1={markY} y2={rowHeight - 6} data-folded /> : null}
      <Mark row={row} x={x} />
    </svg>
  );
}

function Mark({ row: { snapshot }, x }: { row: SnapshotRow; x: number }) {
  if (snapshot === null)
    return (
      <>
        <circle cx={x} cy={markY} r={7} />
        <circle cx={x} cy={markY} r={3} data-fill />
      </>
    );
  if (snapshot.kind === 'internal')
    return (
      <rect
        x={x - 4.5}
        y={markY - 4.5}
        width={9}
        height={9}
        transform={`rotate(45 ${x} ${markY})`}
        data-fill={snapshot.memory || undefined}
      />
    );
  if (snapshot.memory) return <rect x={x - 5} y={markY - 5} width={10} height={10} rx={2} data-fill />;
  return <circle cx={x} cy={markY} r={5.5} data-fill />;
}
