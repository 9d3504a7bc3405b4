import { formatBytes, formatExactBytes } from '../lib/format.ts';

/** A size in GiB and the like; the exact bytes on hover. */
export function Bytes({ value, className }: { value: number; className?: string }) {
  return (
    <span className={className} title={formatExactBytes(value)}>
      {formatBytes(value)}
    </span>
  );
}
