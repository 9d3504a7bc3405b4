import { useIntersection } from '@mantine/hooks';
import type { Vm } from '@strata/contract';
import { IconDeviceDesktop } from '@tabler/icons-react';
import { words } from '../../lib/words.ts';
import classes from './thumbnail.module.css';
import { useScreenshot } from './use-screenshot.ts';

/** The VM's screen, live while it is in view; dimmed when it stands still. */
export function Thumbnail({ vm }: { vm: Vm }) {
  const { ref, entry } = useIntersection({ rootMargin: '100px' });
  const url = useScreenshot(vm, entry?.isIntersecting ?? false);
  return (
    <div ref={ref} className={classes.frame} data-state={vm.state}>
      {url ? (
        <img className={classes.picture} src={url} alt={words.vms.list.thumbnail(vm.name)} />
      ) : (
        <IconDeviceDesktop size={36} stroke={1.1} className={classes.none} aria-hidden />
      )}
    </div>
  );
}
