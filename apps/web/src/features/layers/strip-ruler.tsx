import { formatBytes } from '../../lib/format.ts';
import classes from './strip.module.css';
import { rulerTicks } from './strip-geometry.ts';

export function StripRuler({ virtualSize }: { virtualSize: number }) {
  return (
    <div className={classes.ruler} aria-hidden>
      {rulerTicks(virtualSize).map((tick) => (
        <span key={tick} className={classes.tick} style={{ left: `${(tick / virtualSize) * 100}%` }}>
          {tick === 0 ? '0' : formatBytes(tick)}
        </span>
      ))}
    </div>
  );
}
