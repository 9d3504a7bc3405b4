import { Alert, Button } from '@mantine/core';
import type { Operation } from '@strata/contract';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useCallback, useMemo } from 'react';
import { operationsQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { dismissFailures, useUnseenFailures } from '../operations/seen-failures.ts';
import type { LayerModel } from './layer-model.ts';
import { RunningOperation } from './running-operation.tsx';
import { type ChainWork, concerns, occupies } from './use-chain-work.ts';

const none: readonly Operation[] = [];

/** The work on the chain shown: arrows between its rows, and what failed until somebody has seen it. */
export function useChainOperations(
  models: readonly LayerModel[],
  work: readonly ChainWork[],
): {
  decorate: (index: number, row: ReactNode) => ReactNode;
  dismissible: ReactNode;
  /** The title of the work that must end before anything else can begin here; null when there is none. */
  busyWith: string | null;
} {
  const all = useQuery(operationsQuery()).data?.items ?? none;
  const chain = useMemo(() => models.map(({ image }) => image.id), [models]);
  const failures = useUnseenFailures(all.filter((operation) => concerns(operation, chain)));
  const decorate = useCallback(
    (index: number, row: ReactNode) => {
      const here = work.flatMap(({ operation, spans }) =>
        spans
          .filter(({ target }) => target === index)
          .map((span) => ({
            isBelow: span.direction === 'up',
            drawn: <RunningOperation key={operation.id} operation={operation} direction={span.direction} />,
          })),
      );
      return (
        <>
          {here.filter(({ isBelow }) => !isBelow).map(({ drawn }) => drawn)}
          {row}
          {here.filter(({ isBelow }) => isBelow).map(({ drawn }) => drawn)}
        </>
      );
    },
    [work],
  );
  return {
    decorate,
    dismissible: failures.map((failure) => <Failed key={failure.id} operation={failure} />),
    busyWith: work.find(occupies)?.operation.title ?? null,
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
