import type { Vm } from '@strata/contract';
import { formatAge } from '../../lib/format.ts';
import { useNow } from '../../lib/use-now.ts';
import { words } from '../../lib/words.ts';
import { StateDot } from '../../ui/state-dot.tsx';
import classes from './state-badge.module.css';
import { isLive } from './vm-can.ts';

/** `● running · 3 h`. */
export function StateBadge({ vm }: { vm: Pick<Vm, 'state' | 'startedAt'> }) {
  const now = useNow();
  const age = vm.startedAt && isLive(vm.state) ? formatAge(vm.startedAt, now) : null;
  return (
    <span className={classes.badge} data-state={vm.state}>
      <StateDot state={vm.state} decorative />
      {words.vms.states[vm.state]}
      {age ? <span className={classes.age}>· {age}</span> : null}
    </span>
  );
}
