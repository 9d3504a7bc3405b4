import { Button } from '@mantine/core';
import type { Vm } from '@strata/contract';
import { useNow } from '../../lib/use-now.ts';
import { words } from '../../lib/words.ts';
import classes from './shutdown-notice.module.css';
import { useVmAction } from './use-vm-action.ts';

/** While a graceful shutdown waits for the guest: how long it still may, and the way out. */
export function ShutdownNotice({ vm }: { vm: Vm }) {
  return <div role="status">{vm.shutdown ? <Waiting vm={vm} shutdown={vm.shutdown} /> : null}</div>;
}

function Waiting({ vm, shutdown }: { vm: Vm; shutdown: NonNullable<Vm['shutdown']> }) {
  const now = useNow();
  const action = useVmAction(vm.id);
  const seconds = secondsLeft(shutdown, now);
  return (
    <div className={classes.notice}>
      <span>{seconds > 0 ? words.vms.shuttingDown : words.vms.noAnswer}</span>
      {/* Not read out each second. */}
      <span className={classes.left} aria-hidden>
        {seconds > 0 ? words.vms.secondsLeft(seconds) : ''}
      </span>
      <Button size="xs" color="red" loading={action.isPending} onClick={() => action.mutate('poweroff')}>
        {words.vms.powerOffNow}
      </Button>
    </div>
  );
}

export function secondsLeft(shutdown: NonNullable<Vm['shutdown']>, now: number): number {
  const end = Date.parse(shutdown.requestedAt) + shutdown.timeoutSeconds * 1000;
  // The page's clock ticks once a second and may stand a little before the moment of the request.
  return Math.min(shutdown.timeoutSeconds, Math.max(0, Math.ceil((end - now) / 1000)));
}
