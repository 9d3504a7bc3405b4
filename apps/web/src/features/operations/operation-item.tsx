import { Button, UnstyledButton } from '@mantine/core';
import type { Operation } from '@strata/contract';
import { IconChevronDown, IconChevronRight } from '@tabler/icons-react';
import { useState } from 'react';
import { words } from '../../lib/words.ts';
import { When } from '../../ui/when.tsx';
import { MadeLink } from './made-link.tsx';
import { OperationControls } from './operation-controls.tsx';
import classes from './operation-item.module.css';
import { OperationProgress } from './operation-progress.tsx';
import { durationOf, isUnfinished, progressLine } from './operation-state.ts';
import { OperationSteps } from './operation-steps.tsx';
import { dismissFailures, useUnseenFailures } from './seen-failures.ts';

/** One operation: its line, and unfolded its steps, its recovery and its error. */
export function OperationItem({ operation }: { operation: Operation }) {
  const [toggled, setToggled] = useState<boolean | null>(null);
  const unseen = useUnseenFailures([operation]).length > 0;
  const open = toggled ?? operation.state === 'failed';
  const took = durationOf(operation);
  return (
    <article className={classes.item} data-state={operation.state} aria-label={operation.title}>
      <div className={classes.line}>
        <UnstyledButton className={classes.head} aria-expanded={open} onClick={() => setToggled(!open)}>
          {open ? <IconChevronDown size={15} aria-hidden /> : <IconChevronRight size={15} aria-hidden />}
          <span className={classes.title}>{operation.title}</span>
        </UnstyledButton>
        <span className={classes.state}>{words.operations.states[operation.state]}</span>
        <span className={classes.times}>
          <When at={operation.endedAt ?? operation.startedAt ?? operation.createdAt} />
          {took === null ? null : ` · ${words.operations.took(took)}`}
        </span>
        <MadeLink operation={operation} />
        <OperationControls operation={operation} />
        {unseen ? (
          <Button size="compact-sm" variant="default" onClick={() => dismissFailures([operation.id])}>
            {words.operations.dismiss}
          </Button>
        ) : null}
      </div>
      {isUnfinished(operation) ? (
        <div className={classes.progress}>
          <OperationProgress operation={operation} />
          <span>{progressLine(operation)}</span>
        </div>
      ) : null}
      {operation.error ? <p className={classes.error}>{operation.error.message}</p> : null}
      {typeof operation.result?.words === 'string' ? <p>{operation.result.words}</p> : null}
      {operation.recovery ? (
        <p className={classes.recovery}>
          <strong>{words.operations.recovery}:</strong> {operation.recovery}
        </p>
      ) : null}
      {open ? <OperationSteps operation={operation} /> : null}
    </article>
  );
}
