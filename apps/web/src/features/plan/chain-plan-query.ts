import { type ChainRequest, endpoints } from '@strata/contract';
import { queryOptions } from '@tanstack/react-query';
import { call } from '../../api/call.ts';

/**
 * The price of an operation in one `world`: the chain as it was last read, and which VMs run. A changed world is
 * another key, so that nothing is asked of layers that are gone before the drawing knows it.
 */
export const chainPlanQuery = (request: ChainRequest, world: string) =>
  queryOptions({
    queryKey: ['plan', 'price', request, world] as const,
    queryFn: ({ signal }) => call(endpoints.planChain, { body: request, signal }),
    placeholderData: (previous) => previous,
    gcTime: 60_000,
  });
