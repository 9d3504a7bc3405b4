import { IconPlugConnectedX } from '@tabler/icons-react';
import { useConnection } from '../../api/connection.ts';
import { words } from '../../lib/words.ts';
import classes from './connection-banner.module.css';

export function ConnectionBanner() {
  const lost = useConnection() === 'lost';
  return (
    <div role="status">
      {lost ? (
        <div className={classes.banner}>
          <IconPlugConnectedX size={18} aria-hidden />
          <strong>{words.frame.unreachable}</strong>
          <span>{words.frame.unreachableHint}</span>
        </div>
      ) : null}
    </div>
  );
}
