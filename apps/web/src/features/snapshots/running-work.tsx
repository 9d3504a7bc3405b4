import type { Operation } from '@strata/contract';
import { words } from '../../lib/words.ts';
import { OperationProgress } from '../operations/operation-progress.tsx';
import { progressLine } from '../operations/operation-state.ts';
import classes from './running-work.module.css';

/** What is at work on this VM, above its tree; pause and cancel stand in the operations bar. */
export function RunningWork({ work }: { work: readonly Operation[] }) {
  return (
    <div role="status" aria-label={words.snapshots.working}>
      {work.map((operation) => (
        <div key={operation.id} className={classes.work}>
          <span className={classes.title}>{operation.title}</span>
          <span className={classes.facts}>{progressLine(operation)}</span>
          <OperationProgress operation={operation} className={classes.bar ?? ''} />
        </div>
      ))}
    </div>
  );
}
