import { Button } from '@mantine/core';
import type { SnapshotSchedule, Vm } from '@strata/contract';
import { IconClock } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { snapshotScheduleQuery } from '../../api/queries.ts';
import { formatAbsoluteTime, formatUntil } from '../../lib/format.ts';
import { useNow } from '../../lib/use-now.ts';
import { words } from '../../lib/words.ts';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { When } from '../../ui/when.tsx';
import { ScheduleDialog } from './schedule-dialog.tsx';
import classes from './schedule-line.module.css';

/** Below the tree: whether snapshots are taken by themselves, when the next one is, and how the last one went. */
export function ScheduleLine({ vm }: { vm: Vm }) {
  const [open, setOpen] = useState(false);
  const query = useQuery(snapshotScheduleQuery(vm.id));
  const { schedule: text } = words.snapshots;
  if (query.data === undefined)
    return query.error ? <ErrorNotice error={query.error} onRetry={() => void query.refetch()} /> : null;
  return (
    <section className={classes.line} aria-label={text.title}>
      <IconClock size={15} aria-hidden className={classes.icon} />
      <span className={classes.text}>
        {query.data.enabled ? <Rhythm schedule={query.data} /> : text.off}
        <Last schedule={query.data} />
      </span>
      <Button size="compact-sm" variant="default" onClick={() => setOpen(true)}>
        {text.open}
      </Button>
      {open ? <ScheduleDialog vm={vm} schedule={query.data} onClose={() => setOpen(false)} /> : null}
    </section>
  );
}

function Rhythm({ schedule: { every, keep, nextAt } }: { schedule: SnapshotSchedule }) {
  const now = useNow(15_000);
  const { schedule: text } = words.snapshots;
  return (
    <span>
      {text.rhythm(every.count, every.unit, keep)}
      {nextAt === null ? null : (
        <>
          {' · '}
          <time dateTime={nextAt} title={formatAbsoluteTime(nextAt)}>
            {text.next(formatUntil(nextAt, now))}
          </time>
        </>
      )}
    </span>
  );
}

function Last({ schedule: { last } }: { schedule: SnapshotSchedule }) {
  const { schedule: text } = words.snapshots;
  if (last === null) return null;
  return (
    <span className={classes.last} data-outcome={last.outcome}>
      {text.last} <When at={last.at} />: {last.detail}
    </span>
  );
}
