import type { Blocker, Plan, Vm } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import { isApiError } from '../../api/api-error.ts';
import { isGoneImage } from '../../api/apply-event.ts';
import { words } from '../../lib/words.ts';
import { chainPlanQuery } from '../plan/chain-plan-query.ts';
import type { ConceivableAction } from './conceivable-actions.ts';

/** What prices depend on besides the action itself. */
export interface PriceWorld {
  /** When the chain was read, what works on it, and which VMs run: another world, another price. */
  readonly key: string;
  /** False while the chain of before is still drawn: nothing is asked of layers that may be gone. */
  readonly isFresh: boolean;
  /** What works on the chain now: until it has ended nothing else can, and some of its layers may go. */
  readonly busyWith: string | null;
}

interface WorldInput extends Omit<PriceWorld, 'key'> {
  readonly readAt: number;
  readonly running: readonly string[];
  readonly vms: readonly Pick<Vm, 'id' | 'state'>[];
}

export const priceWorld = ({ readAt, running, vms, isFresh, busyWith }: WorldInput): PriceWorld => ({
  key: [readAt, ...running, ...vms.map(({ id, state }) => `${id}:${state}`)].join(' '),
  isFresh,
  busyWith,
});

export interface Price {
  readonly plan: Plan | undefined;
  /** Why it cannot be done; empty when it can, or when that is not known yet. */
  readonly blocked: readonly string[];
  readonly blockers: readonly Blocker[];
  readonly isPending: boolean;
}

/** The price of an action, asked for once `isSettled`: of what one passes over nobody wants to know. */
export function usePrice(action: ConceivableAction, world: PriceWorld, isSettled: boolean): Price {
  const plan = useQuery({
    ...chainPlanQuery(action.request, world.key),
    enabled:
      isSettled && world.isFresh && world.busyWith === null && !idsIn(action.request).some(isGoneImage),
  });
  const blocked = world.busyWith === null ? blockersOf(plan) : [words.layers.panel.busy(world.busyWith)];
  const blockers = world.busyWith === null ? (plan.data?.blockers ?? []) : [];
  return { plan: plan.data, blocked, blockers, isPending: plan.isPending && blocked.length === 0 };
}

/** A layer that was merged away while it is still drawn has no price. */
function idsIn(request: ConceivableAction['request']): string[] {
  if (request.operation === 'commit') return [request.top, request.base];
  if (request.operation !== 'pull') return [request.imageId];
  return [request.into, ...(request.from === undefined ? [] : [request.from])];
}

function blockersOf({ data, error }: { data: Plan | undefined; error: unknown }): string[] {
  if (data) return data.blockers.map(({ message }) => message);
  if (error === null || error === undefined) return [];
  return [isApiError(error) ? error.problem.detail : words.errors.unknown];
}
