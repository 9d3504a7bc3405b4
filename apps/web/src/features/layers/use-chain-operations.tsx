import { Alert, Button } from '@mantine/core';
import type { Operation } from '@strata/contract';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useCallback, useMemo } from 'react';
import { operationsQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { isUnfinished } from '../operations/operation-state.ts';
import { dismissFailures, useUnseenFailures } from '../operations/seen-failures.ts';
import type { LayerModel } from './layer-model.ts';
import { operationSpan } from './operation-span.ts';
import { RunningOperation } from './running-operation.tsx';

const none: readonly Operation[] = [];

/** The work on the chain shown: arrows between its rows, and what failed until somebody has seen it. */
export function useChainOperations(models: readonly LayerModel[]): {
  decorate: (index: number, row: ReactNode) => ReactNode;
  dismissible: ReactNode;
  /** What is at work here: plans depend on it. */
  running: string;
  /** The title of that work; null when the chain is at rest. */
  busyWith: string | null;
} {
  const all = useQuery(operationsQuery()).data?.items ?? none;
  const chain = useMemo(() => models.map(({ image }) => image.id), [models]);
  const concerning = all.filter(({ subjects }) => subjects.some(({ id }) => chain.includes(id)));
  const failures = useUnseenFailures(concerning);
  const spans = useMemo(
    () =>
      all.filter(isUnfinished).flatMap((operation) => {
        const span = operationSpan(operation, chain);
        return span === null ? [] : [{ operation, span }];
      }),
    [all, chain],
  );
  const decorate = useCallback(
    (index: number, row: ReactNode) => {
      const down = spans.filter(({ span }) => span.target === index && span.direction === 'down');
      const up = spans.filter(({ span }) => span.target === index && span.direction === 'up');
      return (
        <>
          {down.map(({ operation, span }) => (
            <RunningOperation key={operation.id} operation={operation} direction={span.direction} />
          ))}
          {row}
          {up.map(({ operation, span }) => (
            <RunningOperation key={operation.id} operation={operation} direction={span.direction} />
          ))}
        </>
      );
    },
    [spans],
  );
  return {
    decorate,
    dismissible: failures.map((failure) => <Failed key={failure.id} operation={failure} />),
    busyWith: concerning.find(isUnfinished)?.title ?? null,
    running: concerning
      .filter(isUnfinished)
      .map(({ id }) => id)
      .join(' '),
  };
}

function Failed({ operation }: { operation: Operation }) {
  return (
    <Alert
      color="red"
      m={8}
      icon={<IconAlertTriangle size={18} aria-hidden />}
      title={words.operations.failed(operation.title)}
    >
      <p>{operation.error?.message}</p>
      <Button size="compact-sm" variant="default" mt={8} onClick={() => dismissFailures([operation.id])}>
        {words.operations.dismiss}
      </Button>
    </Alert>
  );
}
