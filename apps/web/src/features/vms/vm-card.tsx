import type { Vm } from '@strata/contract';
import { IconPlayerPlay, IconTerminal2 } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { memo } from 'react';
import { words } from '../../lib/words.ts';
import { LinkButton } from '../../ui/link-button.tsx';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import { StateBadge } from './state-badge.tsx';
import { Thumbnail } from './thumbnail.tsx';
import { useVmAction } from './use-vm-action.ts';
import { isLive, verbLabel, vmRefusal } from './vm-can.ts';
import classes from './vm-card.module.css';
import { address, layersFact, sizeFact } from './vm-facts.ts';
import { VmMenu } from './vm-menu.tsx';

/** Remembered, because scrolling draws the rows of the list again at each step. */
export const VmCard = memo(function VmCard({ vm }: { vm: Vm }) {
  const { facts } = words.vms;
  const snapshots = vm.snapshotCount > 0 ? facts.snapshots(vm.snapshotCount) : null;
  const more = [layersFact(vm), snapshots, address(vm)].filter(Boolean);
  return (
    <article className={classes.card} aria-label={vm.name}>
      <Thumbnail vm={vm} />
      <div className={classes.body}>
        <div className={classes.head}>
          <h2 className={classes.name} title={vm.name}>
            <Link to="/vms/$vmId" params={{ vmId: vm.id }} className={classes.link}>
              {vm.name}
            </Link>
          </h2>
          <StateBadge vm={vm} />
        </div>
        <p className={classes.facts}>
          {sizeFact(vm)}
          {vm.guest?.os ? ` · ${vm.guest.os}` : ''}
        </p>
        <p className={classes.facts}>{more.join(' · ')}</p>
        <div className={classes.actions}>
          <PrimaryAction vm={vm} />
          <LinkButton
            size="xs"
            variant="default"
            to="/vms/$vmId/console"
            params={{ vmId: vm.id }}
            leftSection={<IconTerminal2 size={15} aria-hidden />}
          >
            {words.vms.actions.console}
          </LinkButton>
          <span className={classes.spacer} />
          <VmMenu vm={vm} />
        </div>
      </div>
    </article>
  );
});

/** The one thing one most likely wants: start it, resume it, or nothing while it runs. */
export function PrimaryAction({ vm }: { vm: Vm }) {
  const action = useVmAction(vm.id);
  const verb = vm.state === 'paused' ? 'resume' : 'start';
  if (verb === 'start' && isLive(vm.state)) return null;
  return (
    <ReasonedButton
      size="xs"
      variant="light"
      reason={vmRefusal(verb, vm)}
      loading={action.isPending}
      onClick={() => action.mutate(verb)}
      leftSection={<IconPlayerPlay size={15} aria-hidden />}
      aria-label={`${verbLabel(verb, vm)} ${vm.name}`}
    >
      {verbLabel(verb, vm)}
    </ReasonedButton>
  );
}
