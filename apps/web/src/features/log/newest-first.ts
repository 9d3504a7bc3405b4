import type { VmLog } from '@strata/contract';

/** By time; of events of the same moment, in the order in which the server tells them. */
export function newestFirst(events: VmLog['events']): VmLog['events'] {
  return events.toSorted((a, b) => b.at.localeCompare(a.at));
}
