import type { SnapshotSchedule } from '@strata/contract';

type Every = SnapshotSchedule['every'];

const unitMilliseconds = { minutes: 60_000, hours: 3_600_000, days: 86_400_000 } as const;

export const periodOf = ({ count, unit }: Every): number => count * unitMilliseconds[unit];

/** The first time to come in the rhythm of `due`: however many were missed, the past has none left. */
export const nextAfter = (due: number, every: Every, now: number): number => {
  if (due > now) return due;
  const period = periodOf(every);
  return due + (Math.floor((now - due) / period) + 1) * period;
};

/** A clock that was set back leaves the next one further away than the rhythm allows: then it begins anew. */
export const withinReach = (due: number, every: Every, now: number): number =>
  Math.min(due, now + periodOf(every));

const two = (value: number): string => String(value).padStart(2, '0');

/** In the time of this host, as a person names it. */
export const scheduledName = (at: number): string => {
  const date = new Date(at);
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `Automatic ${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
};
