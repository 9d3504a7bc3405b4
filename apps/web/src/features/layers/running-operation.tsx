// biome-ignore-all lint/a11y/useSemanticElements: a grid of drawings is no <table>; one stands below it (layers-table.tsx)
// biome-ignore-all lint/a11y/useFocusableInteractive: the rows take the focus, not their cells
import type { Operation } from '@strata/contract';
import { words } from '../../lib/words.ts';
import { OperationControls } from '../operations/operation-controls.tsx';
import { percentOf, progressLine } from '../operations/operation-state.ts';
import type { OperationSpan } from './operation-span.ts';
import classes from './running-operation.module.css';

/** Between two rows: an arrow that fills as data moves, and what one can do about it. */
export function RunningOperation({
  operation,
  direction,
}: {
  operation: Operation;
  direction: OperationSpan['direction'];
}) {
  const percent = percentOf(operation);
  return (
    <div className={classes.running} role="row" tabIndex={-1} data-state={operation.state}>
      <div role="gridcell" className={classes.cell}>
        <div
          className={classes.arrow}
          data-direction={direction ?? undefined}
          style={{ '--done': `${percent}%` }}
          role="progressbar"
          aria-label={operation.title}
          aria-valuenow={percent}
          aria-valuemin={0}
          aria-valuemax={100}
        />
        <div className={classes.text}>
          <span className={classes.title}>
            {operation.title} · {words.operations.percent(percent)}
          </span>
          <span className={classes.facts}>{progressLine(operation)}</span>
        </div>
        <OperationControls operation={operation} />
      </div>
    </div>
  );
}
