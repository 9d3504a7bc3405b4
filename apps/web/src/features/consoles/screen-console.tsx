import { Button } from '@mantine/core';
import { useFullscreenElement } from '@mantine/hooks';
import type { Vm } from '@strata/contract';
import { IconPlayerPlay } from '@tabler/icons-react';
import { useRef, useState } from 'react';
import { words } from '../../lib/words.ts';
import { EmptyState } from '../../ui/empty-state.tsx';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import { useScreenshot } from '../vms/use-screenshot.ts';
import { useVmAction } from '../vms/use-vm-action.ts';
import { hasConsoles, isLive, verbLabel, vmRefusal } from '../vms/vm-can.ts';
import { ScreenBar } from './screen-bar.tsx';
import classes from './screen-console.module.css';
import { useVnc } from './use-vnc.ts';

/** The VM's screen: live by noVNC while there is a process, otherwise its last picture and the start button. */
export function ScreenConsole({ vm }: { vm: Vm }) {
  const [fit, setFit] = useState(true);
  const target = useRef<HTMLDivElement>(null);
  const { ref, fullscreen, toggle } = useFullscreenElement();
  const active = hasConsoles(vm.state) && vm.display !== 'none';
  const vnc = useVnc(vm.id, active, target, fit);
  if (vm.display === 'none')
    return <EmptyState title={words.consoles.noScreen}>{words.consoles.noScreenHint}</EmptyState>;
  return (
    <div ref={ref} className={classes.console} data-fullscreen={fullscreen}>
      <ScreenBar
        vm={vm}
        vnc={vnc}
        fit={fit}
        onFit={setFit}
        fullscreen={fullscreen}
        onFullscreen={() => void toggle()}
      />
      <div className={classes.stage}>
        {/* noVNC fills this element by itself; React must not. */}
        <div
          ref={target}
          className={classes.target}
          data-fit={fit}
          data-shown={vnc.state === 'connected'}
          data-paused={vm.state === 'paused'}
          role="application"
          aria-label={words.consoles.screenLabel(vm.name)}
        />
        {vnc.lastFrame ? <img className={classes.frame} src={vnc.lastFrame} alt="" /> : null}
        {isLive(vm.state) ? <LiveNote vm={vm} state={vnc.state} /> : <StoppedScreen vm={vm} />}
      </div>
    </div>
  );
}

function LiveNote({ vm, state }: { vm: Vm; state: ReturnType<typeof useVnc>['state'] }) {
  const action = useVmAction(vm.id);
  if (state !== 'connected') {
    const text =
      vm.state === 'starting'
        ? words.consoles.starting
        : vm.state === 'stopping'
          ? words.vms.shuttingDown
          : state === 'lost'
            ? words.consoles.lost
            : words.consoles.connecting;
    return (
      <p className={classes.note} role="status">
        {text}
      </p>
    );
  }
  if (vm.state !== 'paused') return null;
  return (
    <div className={classes.note} role="status">
      {words.consoles.paused}
      <Button size="xs" loading={action.isPending} onClick={() => action.mutate('resume')}>
        {words.vms.actions.resume}
      </Button>
    </div>
  );
}

function StoppedScreen({ vm }: { vm: Vm }) {
  const action = useVmAction(vm.id);
  const picture = useScreenshot(vm, true);
  const text = words.consoles;
  const state = vm.state === 'crashed' ? text.crashed : vm.state === 'suspended' ? text.suspended : text.off;
  return (
    <>
      {picture ? <img className={classes.frame} src={picture} alt={text.lastPictureOf(vm.name)} /> : null}
      <div className={classes.stopped}>
        <p>{state}</p>
        <ReasonedButton
          size="md"
          leftSection={<IconPlayerPlay size={18} aria-hidden />}
          reason={vmRefusal('start', vm)}
          loading={action.isPending}
          onClick={() => action.mutate('start')}
        >
          {verbLabel('start', vm)}
        </ReasonedButton>
      </div>
    </>
  );
}
