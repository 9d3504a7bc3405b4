import { formatBytes } from '../lib/format.ts';
import { words } from '../lib/words.ts';
import classes from './disk-meter.module.css';

interface DiskMeterProps {
  name: string;
  total: number;
  free: number;
}

const nearlyFull = 0.92;

/** How full a file system is. */
export function DiskMeter({ name, total, free }: DiskMeterProps) {
  const used = total > 0 ? (total - free) / total : 0;
  const told = words.host.free(formatBytes(free), formatBytes(total));
  return (
    <>
      <div className={classes.head}>
        <code>{name}</code>
        <span className={classes.free}>
          {told}
          {used > nearlyFull ? ` · ${words.host.nearlyFull}` : ''}
        </span>
      </div>
      <meter
        className={classes.meter}
        min={0}
        max={1}
        high={nearlyFull}
        value={used}
        aria-label={name}
        aria-valuetext={told}
      />
    </>
  );
}
