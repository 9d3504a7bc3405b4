import type { Host } from '@strata/contract';
import { formatBytes } from '../../lib/format.ts';
import { words } from '../../lib/words.ts';
import classes from './storage-bars.module.css';

export function StorageBars({ storage }: { storage: Host['storage'] }) {
  return (
    <ul className={classes.list}>
      {storage.map(({ path, total, free }) => {
        const used = total > 0 ? (total - free) / total : 0;
        const full = used > 0.92;
        return (
          <li key={path}>
            <div className={classes.head}>
              <code>{path}</code>
              <span className={classes.free}>
                {words.host.free(formatBytes(free), formatBytes(total))}
                {full ? ` · ${words.host.nearlyFull}` : ''}
              </span>
            </div>
            <meter
              className={classes.meter}
              min={0}
              max={1}
              high={0.92}
              value={used}
              aria-label={path}
              aria-valuetext={words.host.free(formatBytes(free), formatBytes(total))}
            />
          </li>
        );
      })}
    </ul>
  );
}
