import { IconAlertTriangle } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { hostQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import classes from './space-banner.module.css';

const codes = ['disk-nearly-full', 'disk-filling'];

/** On every page, as long as a disk is filling up: guests stand still when it is full. */
export function SpaceBanner() {
  const problems = useQuery(hostQuery()).data?.problems ?? [];
  const filling = problems.filter(({ code }) => codes.includes(code));
  return (
    <div role="status">
      {filling.map(({ code, message }) => (
        <div key={message} className={code === 'disk-nearly-full' ? classes.urgent : classes.banner}>
          <IconAlertTriangle size={18} aria-hidden />
          <span>{message}</span>
          <Link to="/space">{words.frame.whatToFree}</Link>
        </div>
      ))}
    </div>
  );
}
