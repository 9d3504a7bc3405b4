import type { DeviceList } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import { words } from '../../lib/words.ts';
import { CommandBox } from '../../ui/command-box.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { RowSkeletons } from '../../ui/skeletons.tsx';
import { factsOf, titleOf } from './device-text.ts';
import classes from './devices.module.css';
import { devicesQuery } from './devices-query.ts';

/** The disks of this machine, what it uses them for, and whether images may be written to them. */
export function HostDevices() {
  const devices = useQuery(devicesQuery());
  return (
    <>
      <ErrorNotice error={devices.data ? null : devices.error} onRetry={() => void devices.refetch()} />
      {devices.isPending ? <RowSkeletons count={2} height={40} /> : null}
      {devices.data === undefined ? null : <Listed {...devices.data} />}
    </>
  );
}

function Listed({ items, writing }: DeviceList) {
  const text = words.devices.host;
  return (
    <div className={classes.plan}>
      {items.length === 0 ? <p className={classes.muted}>{text.none}</p> : null}
      <ul className={classes.list}>
        {items.map((device) => (
          <li key={device.id}>
            <strong>{titleOf(device)}</strong>
            <span className={classes.muted}>{factsOf(device).join(' · ')}</span>
            <span className={classes.muted}>
              {device.uses.length === 0 ? text.free : `${text.inUse} ${device.uses.join('; ')}`}
            </span>
          </li>
        ))}
      </ul>
      <p>{text.readHint}</p>
      {writing.enabled ? (
        <p>{text.on(writing.limit)}</p>
      ) : (
        <>
          <p>{text.off}</p>
          <CommandBox shell={writing.command} />
        </>
      )}
    </div>
  );
}
