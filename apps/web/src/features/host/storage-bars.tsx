import type { Host } from '@strata/contract';
import { DiskMeter } from '../../ui/disk-meter.tsx';
import classes from './storage-bars.module.css';

export function StorageBars({ storage }: { storage: Host['storage'] }) {
  return (
    <ul className={classes.list}>
      {storage.map(({ path, total, free }) => (
        <li key={path}>
          <DiskMeter name={path} total={total} free={free} />
        </li>
      ))}
    </ul>
  );
}
