import { ActionIcon, Button, Menu, SegmentedControl, Tooltip } from '@mantine/core';
import { endpoints, type Vm } from '@strata/contract';
import { IconCamera, IconKeyboard, IconMaximize, IconMinimize } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { call, callBinary } from '../../api/call.ts';
import { saveBlob, screenshotName } from '../../lib/save-blob.ts';
import { words } from '../../lib/words.ts';
import { notifyError } from '../../ui/notify.tsx';
import { useScreenshot } from '../vms/use-screenshot.ts';
import { isLive } from '../vms/vm-can.ts';
import { keyCombinations } from './key-combinations.ts';
import classes from './screen-bar.module.css';
import type { Vnc } from './use-vnc.ts';

interface ScreenBarProps {
  vm: Vm;
  vnc: Vnc;
  fit: boolean;
  onFit: (fit: boolean) => void;
  fullscreen: boolean;
  onFullscreen: () => void;
}

/** In full screen it goes away when the pointer rests, and comes back at the upper edge. */
export function ScreenBar({ vm, vnc, fit, onFit, fullscreen, onFullscreen }: ScreenBarProps) {
  const text = words.consoles;
  const hidden = useHiddenInFullscreen(fullscreen);
  const send = useMutation({
    mutationFn: (keys: string[]) => call(endpoints.sendKeys, { params: { id: vm.id }, body: { keys } }),
    onError: notifyError,
    // The keyboard goes back to the guest, where the next key is meant for.
    onSettled: () => vnc.rfb.current?.focus(),
  });
  const screenshot = useMutation({
    mutationFn: () => callBinary(endpoints.getScreenshot, { params: { id: vm.id } }),
    onSuccess: (blob) => saveBlob(blob, screenshotName(vm.name, new Date())),
    onError: notifyError,
  });
  const live = isLive(vm.state);
  const lastPicture = useScreenshot(vm, !live);
  return (
    <div className={classes.bar} data-fullscreen={fullscreen} data-hidden={hidden}>
      <SegmentedControl
        size="xs"
        aria-label={text.scale}
        value={fit ? 'fit' : 'actual'}
        onChange={(value) => onFit(value === 'fit')}
        data={[
          { value: 'fit', label: text.fit },
          { value: 'actual', label: text.actual },
        ]}
      />
      {live ? (
        <>
          <Button
            size="xs"
            variant="default"
            className={classes.wide ?? ''}
            onClick={() => send.mutate(['ctrl', 'alt', 'delete'])}
          >
            {text.ctrlAltDel}
          </Button>
          {/* In full screen only what lies inside the full element is drawn. */}
          <Menu withinPortal={!fullscreen} position="bottom-start">
            <Menu.Target>
              <Button size="xs" variant="default" leftSection={<IconKeyboard size={15} aria-hidden />}>
                {text.sendKeys}
              </Button>
            </Menu.Target>
            <Menu.Dropdown className={classes.keys ?? ''}>
              {keyCombinations.map(({ label, keys }) => (
                <Menu.Item key={label} onClick={() => send.mutate([...keys])}>
                  {label}
                </Menu.Item>
              ))}
            </Menu.Dropdown>
          </Menu>
        </>
      ) : null}
      <span className={classes.spacer} />
      {live || lastPicture !== null ? (
        <Tooltip label={text.screenshot} withinPortal={!fullscreen}>
          <ActionIcon
            variant="default"
            aria-label={text.screenshot}
            loading={screenshot.isPending}
            onClick={() => screenshot.mutate()}
          >
            <IconCamera size={17} aria-hidden />
          </ActionIcon>
        </Tooltip>
      ) : null}
      <Tooltip label={fullscreen ? text.leaveFullScreen : text.fullScreen} withinPortal={!fullscreen}>
        <ActionIcon
          variant="default"
          aria-label={fullscreen ? text.leaveFullScreen : text.fullScreen}
          onClick={onFullscreen}
        >
          {fullscreen ? <IconMinimize size={17} aria-hidden /> : <IconMaximize size={17} aria-hidden />}
        </ActionIcon>
      </Tooltip>
    </div>
  );
}

const edge = 70;
const restMilliseconds = 2500;

function useHiddenInFullscreen(fullscreen: boolean): boolean {
  const [hidden, setHidden] = useState(false);
  useEffect(() => {
    if (!fullscreen) return;
    let timer: ReturnType<typeof setTimeout>;
    const hideSoon = () => {
      clearTimeout(timer);
      timer = setTimeout(() => setHidden(true), restMilliseconds);
    };
    const follow = (event: PointerEvent) => {
      if (event.clientY > edge) return;
      setHidden(false);
      hideSoon();
    };
    hideSoon();
    // Captured, because noVNC keeps the pointer's events to itself.
    window.addEventListener('pointermove', follow, true);
    return () => {
      clearTimeout(timer);
      setHidden(false);
      window.removeEventListener('pointermove', follow, true);
    };
  }, [fullscreen]);
  return hidden;
}
