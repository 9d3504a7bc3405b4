import type { Operation } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { operationsQuery } from '../../api/queries.ts';
import { isUnfinished } from '../operations/operation-state.ts';
import { mergesAway, type OperationSpan, operationSpans, worksOnChains } from './operation-span.ts';

export interface ChainWork {
  readonly operation: Operation;
  /** Where its data goes in the chain shown; none when it only reads here, or does something else. */
  readonly spans: readonly OperationSpan[];
}

const none: readonly Operation[] = [];

/** What is at work on the layers of a chain (ids, top first). */
export function useChainWork(chain: readonly string[]): readonly ChainWork[] {
  const all = useQuery(operationsQuery()).data?.items ?? none;
  return useMemo(
    () =>
      all
        .filter((operation) => isUnfinished(operation) && concerns(operation, chain))
        .map((operation) => ({ operation, spans: operationSpans(operation, chain) })),
    [all, chain],
  );
}

/** Whether the data of a layer is on its way down: its file goes when that has ended. */
export function useIsMergedAway(imageId: string): boolean {
  const all = useQuery(operationsQuery()).data?.items ?? none;
  return all.some((operation) => isUnfinished(operation) && mergesAway(operation, imageId));
}

export const concerns = ({ subjects }: Operation, chain: readonly string[]): boolean =>
  subjects.some(({ id }) => chain.includes(id));

/** Whether nothing else can begin here before it ends: who only reads layers that others share is in nobody's way. */
export const occupies = ({ operation, spans }: ChainWork): boolean =>
  spans.length > 0 || !worksOnChains(operation);
