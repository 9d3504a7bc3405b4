import type { Operation } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { operationsQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { isUnfinished } from '../operations/operation-state.ts';

interface VmWork {
  readonly operations: readonly Operation[];
  /** Ids of what they work on. */
  readonly subjects: ReadonlySet<string>;
  /** Why nothing else can begin on this VM; null: it can. */
  readonly refusal: string | null;
}

/** The operations at work on a VM. */
export function useVmWork(vmId: string): VmWork {
  const all = useQuery(operationsQuery()).data?.items;
  return useMemo(() => {
    const operations = (all ?? []).filter(
      (operation) => isUnfinished(operation) && operation.subjects.some(({ id }) => id === vmId),
    );
    const first = operations[0];
    return {
      operations,
      subjects: new Set(operations.flatMap(({ subjects }) => subjects.map(({ id }) => id))),
      refusal: first === undefined ? null : words.snapshots.busy(first.title),
    };
  }, [all, vmId]);
}
