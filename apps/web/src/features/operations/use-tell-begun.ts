import type { Operation } from '@strata/contract';
import { useNavigate } from '@tanstack/react-router';
import { words } from '../../lib/words.ts';
import { notifyDone } from '../../ui/notify.tsx';
import { madeBy } from './made-by.ts';
import { isUnfinished } from './operation-state.ts';

/** Long enough for what is made at once; what takes longer is followed in the bar, and linked there when it has ended. */
export const waitForMade = { wait: 2 } as const;

/** Says where an operation goes on that was just begun, or leads to what it has made already. */
export function useTellBegun(): (operation: Operation) => void {
  const navigate = useNavigate();
  return (operation) => {
    const made = madeBy(operation);
    if (made === null) {
      // How it failed stands in the bar, until somebody has seen it.
      if (isUnfinished(operation)) notifyDone(words.copies.started(operation.title));
      else if (typeof operation.result?.words === 'string') notifyDone(operation.result.words);
      return;
    }
    const open = () =>
      void (made.kind === 'vm'
        ? navigate({ to: '/vms/$vmId', params: { vmId: made.id } })
        : navigate({ to: '/library/$imageId', params: { imageId: made.id } }));
    notifyDone(words.copies.done(operation.title), { label: words.copies.open[made.kind], onClick: open });
  };
}
