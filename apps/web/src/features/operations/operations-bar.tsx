import { Button, UnstyledButton } from '@mantine/core';
import type { Operation } from '@strata/contract';
import { IconAlertTriangle, IconCheck, IconChevronDown, IconChevronUp } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { operationsQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { MadeLink } from './made-link.tsx';
import { OperationControls } from './operation-controls.tsx';
import { OperationItem } from './operation-item.tsx';
import { OperationProgress } from './operation-progress.tsx';
import { durationOf, isUnfinished, progressLine } from './operation-state.ts';
import classes from './operations-bar.module.css';
import { dismissFailures, useUnseenFailures } from './seen-failures.ts';

/** As many as one looks through here; the page has them all. */
const logLength = 20;
const none: readonly Operation[] = [];

/** Running work and the last that ended. A failure stays until somebody has seen it. */
export function OperationsBar() {
  const operations = useQuery(operationsQuery()).data?.items ?? none;
  const [open, setOpen] = useState(false);
  const failures = useUnseenFailures(operations);
  const running = operations.filter(isUnfinished);
  const last = operations.find((operation) => !isUnfinished(operation));
  return (
    <section className={classes.bar} aria-label={words.operations.bar}>
      {open ? <TaskLog operations={operations.slice(0, logLength)} /> : null}
      <div className={classes.line} data-running={running.length > 0 || undefined}>
        {failures[0] ? <Failures failures={failures} first={failures[0]} /> : null}
        {running[0] ? <Running first={running[0]} others={running.length - 1} /> : null}
        {last === undefined && running.length > 0 ? null : (
          <Last operation={last} quiet={failures.length > 0} />
        )}
        <UnstyledButton
          className={classes.toggle}
          aria-expanded={open}
          aria-label={open ? words.operations.collapse : words.operations.expand}
          onClick={() => setOpen(!open)}
        >
          {open ? <IconChevronDown size={16} aria-hidden /> : <IconChevronUp size={16} aria-hidden />}
        </UnstyledButton>
      </div>
    </section>
  );
}

function Running({ first, others }: { first: Operation; others: number }) {
  return (
    <div className={classes.running}>
      <span className={classes.title} title={first.title}>
        {first.title}
      </span>
      <OperationProgress operation={first} className={classes.progress ?? ''} />
      <span className={classes.facts}>{progressLine(first)}</span>
      <OperationControls operation={first} />
      {others > 0 ? (
        <Link to="/operations" className={classes.others}>
          {words.operations.more(others)}
        </Link>
      ) : null}
    </div>
  );
}

function Failures({ failures, first }: { failures: readonly Operation[]; first: Operation }) {
  const { operations } = words;
  return (
    <div className={classes.failure} role="alert">
      <IconAlertTriangle size={16} aria-hidden />
      <span className={classes.failureText} title={first.error?.message}>
        {failures.length > 1 ? operations.failures(failures.length) : operations.failed(first.title)}
        {failures.length === 1 && first.error ? <span> · {first.error.message}</span> : null}
      </span>
      <Button
        size="compact-sm"
        variant="default"
        onClick={() => dismissFailures(failures.map(({ id }) => id))}
      >
        {failures.length > 1 ? operations.dismissAll : operations.dismiss}
      </Button>
    </div>
  );
}

function Last({ operation, quiet }: { operation: Operation | undefined; quiet: boolean }) {
  if (operation === undefined) return <span className={classes.last}>{words.operations.nothingYet}</span>;
  const took = durationOf(operation);
  const done = operation.state === 'done';
  return (
    <span className={classes.last} data-quiet={quiet || undefined}>
      <span className={classes.lastText}>
        {words.operations.last(operation.title)}
        {done ? (took === null ? '' : `, ${took}`) : `, ${words.operations.states[operation.state]}`}
      </span>
      {done ? <IconCheck size={15} aria-hidden /> : null}
      <MadeLink operation={operation} className={classes.made ?? ''} />
    </span>
  );
}

function TaskLog({ operations }: { operations: readonly Operation[] }) {
  return (
    <div className={classes.log}>
      {operations.length === 0 ? <p className={classes.empty}>{words.operations.nothingYet}</p> : null}
      {operations.map((operation) => (
        <OperationItem key={operation.id} operation={operation} />
      ))}
      {operations.length > 0 ? <Link to="/operations">{words.operations.all}</Link> : null}
    </div>
  );
}
