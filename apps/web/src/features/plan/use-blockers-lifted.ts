import type { Blocker } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { operationsQuery, trashQuery, vmsQuery } from '../../api/queries.ts';
import { isUnfinished } from '../operations/operation-state.ts';

/** Calls back when something that a blocker names has changed: a VM that is off now, an operation that has ended. */
export function useBlockersLifted(blockers: readonly Blocker[], onLifted: () => void): void {
  const named = new Set(blockers.flatMap(({ subjects }) => subjects.map(({ id }) => id)));
  const isBlocked = blockers.length > 0;
  const vms = useQuery({ ...vmsQuery(), enabled: isBlocked }).data?.items ?? [];
  const operations = useQuery({ ...operationsQuery(), enabled: isBlocked }).data?.items ?? [];
  const trash = useQuery({ ...trashQuery(), enabled: isBlocked }).data?.items ?? [];
  const world = [
    ...vms.filter(({ id }) => named.has(id)).map(({ id, state }) => `${id} ${state}`),
    ...operations.filter((each) => named.has(each.id) && isUnfinished(each)).map(({ id }) => id),
    ...trash.filter(({ id }) => named.has(id)).map(({ id }) => id),
  ].join();
  const lifted = useRef(onLifted);
  lifted.current = onLifted;
  const before = useRef({ world, blockers });
  useEffect(() => {
    const changed = before.current.blockers === blockers && before.current.world !== world;
    before.current = { world, blockers };
    if (changed) lifted.current();
  }, [world, blockers]);
}
