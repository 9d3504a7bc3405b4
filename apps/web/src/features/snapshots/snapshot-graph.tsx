import type { SnapshotRow } from './snapshot-rows.ts';
import classes from './snapshots.module.css';

const lane = 20;
/** Where a row's mark is, from its top: the line below it fills whatever height the row's text takes. */
const markY = 20;

const xOf = (column: number) => column * lane + 14;

/** The lines of one row of the tree, and its mark: round for disks, a square with memory, a ring for "here". */
export function SnapshotGraph({ row, columns }: { row: SnapshotRow; columns: number }) {
  const x = xOf(row.lane);
  const far = 4000;
  return (
    <div className={classes.lanes} style={{ width: xOf(columns - 1) + 16 }}>
      <svg className={classes.graph} width="100%" aria-hidden>
        {row.passing.map((column) => (
          <line key={column} x1={xOf(column)} x2={xOf(column)} y1={0} y2={far} />
        ))}
        {row.parentLane === null ? null : row.parentLane === row.lane ? (
          <line x1={x} x2={x} y1={0} y2={markY} />
        ) : (
          <path
            d={`M ${xOf(row.parentLane)} 0 V ${markY - 12} Q ${xOf(row.parentLane)} ${markY} ${x} ${markY}`}
          />
        )}
        {row.continues ? <line x1={x} x2={x} y1={markY} y2={far} /> : null}
        {row.snapshot === null ? (
          <>
            <circle cx={x} cy={markY} r={7} />
            <circle cx={x} cy={markY} r={3} data-fill />
          </>
        ) : row.snapshot.memory ? (
          <rect x={x - 5} y={markY - 5} width={10} height={10} rx={2} data-fill />
        ) : (
          <circle cx={x} cy={markY} r={5.5} data-fill={row.snapshot.kind === 'external' || undefined} />
        )}
      </svg>
    </div>
  );
}
