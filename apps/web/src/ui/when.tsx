import { formatAbsoluteTime, formatRelativeTime } from '../lib/format.ts';
import { useNow } from '../lib/use-now.ts';

/** A time as "5 min ago"; the absolute one on hover. */
export function When({ at, className }: { at: string; className?: string }) {
  const now = useNow(15_000);
  return (
    <time dateTime={at} title={formatAbsoluteTime(at)} className={className}>
      {formatRelativeTime(at, now)}
    </time>
  );
}
