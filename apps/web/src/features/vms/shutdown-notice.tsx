import { Button, CloseButton } from '@mantine/core';
import type { Vm } from '@strata/contract';
import { useState } from 'react';
import { useNow } from '../../lib/use-now.ts';
import { words } from '../../lib/words.ts';
import classes from './shutdown-notice.module.css';
import { useVmAction } from './use-vm-action.ts';

/** While a graceful shutdown waits for the guest: how long it still may; afterwards, that it did not. With the way out. */
export function ShutdownNotice({ vm }: { vm: Vm }) {
  const [dismissed, setDismissed] = useState(false);
  const timedOut = vm.problems.find(isShutdownTimeout);
  // The next attempt may time out as well, and says so again.
  if (dismissed && timedOut === undefined) setDismissed(false);
  return (
    <div role="status">
      {vm.shutdown ? (
        <Waiting vm={vm} shutdown={vm.shutdown} />
      ) : timedOut && !dismissed ? (
        <div className={classes.notice}>
          <span className={classes.text}>{timedOut.message}</span>
          <PowerOffNow vm={vm} />
          <CloseButton size="sm" aria-label={words.vms.dismiss} onClick={() => setDismissed(true)} />
        </div>
      ) : null}
    </div>
  );
}

/** Shown here, with its button, and not among the other problems. */
export const isShutdownTimeout = ({ code }: Vm['problems'][number]): boolean => code === 'shutdown-timeout';

function Waiting({ vm, shutdown }: { vm: Vm; shutdown: NonNullable<Vm['shutdown']> }) {
  const now = useNow();
  const seconds = secondsLeft(shutdown, now);
  return (
    <div className={classes.notice}>
      <span>{seconds > 0 ? words.vms.shuttingDown : words.vms.noAnswer}</span>
      {/* Not read out each second. */}
      <span className={classes.left} aria-hidden>
        {seconds > 0 ? words.vms.secondsLeft(seconds) : ''}
      </span>
      <PowerOffNow vm={vm} />
    </div>
  );
}

function PowerOffNow({ vm }: { vm: Vm }) {
  const action = useVmAction(vm.id);
  return (
    <Button
      className={classes.powerOff ?? ''}
      size="xs"
      color="red"
      loading={action.isPending}
      onClick={() => action.mutate('poweroff')}
    >
      {words.vms.powerOffNow}
    </Button>
  );
}

export function secondsLeft(shutdown: NonNullable<Vm['shutdown']>, now: number): number {
  const end = Date.parse(shutdown.requestedAt) + shutdown.timeoutSeconds * 1000;
  // The page's clock ticks once a second and may stand a little before the moment of the request.
  return Math.min(shutdown.timeoutSeconds, Math.max(0, Math.ceil((end - now) / 1000)));
}
