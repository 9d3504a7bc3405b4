import { formatPlace } from '../../lib/format.ts';
import classes from './strip.module.css';
import { rulerTicks } from './strip-geometry.ts';
import type { DiskRange } from './zoom.ts';

export function StripRuler({ range }: { range: DiskRange }) {
  return (
    <div className={classes.ruler} aria-hidden>
      {rulerTicks(range).map((tick) => (
        <span
          key={tick}
          className={classes.tick}
          style={{ left: `${((tick - range.start) / (range.length || 1)) * 100}%` }}
        >
          {tick === 0 ? '0' : formatPlace(tick, range.length)}
        </span>
      ))}
    </div>
  );
}
