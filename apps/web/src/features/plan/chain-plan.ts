import { type ChainRequest, endpoints } from '@strata/contract';
import { call } from '../../api/call.ts';
import type { Approved } from './plan-dialog.tsx';

/** What a plan dialog needs for a chain operation. `final`: the request as it is when it runs. */
export const chainPlan = (request: ChainRequest, final: () => ChainRequest = () => request) => ({
  planKey: [request],
  makePlan: (signal: AbortSignal) => call(endpoints.planChain, { body: request, signal }),
  run: (approved: Approved) => call(endpoints.runChain, { body: { ...final(), ...approved } }),
});
