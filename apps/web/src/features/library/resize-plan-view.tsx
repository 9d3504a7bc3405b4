import { Alert } from '@mantine/core';
import type { Partition, ResizePlan } from '@strata/contract';
import { IconAlertTriangle } from '@tabler/icons-react';
import { words } from '../../lib/words.ts';
import { CommandBox } from '../../ui/command-box.tsx';
import classes from './resize-dialog.module.css';

/** What resizing would be: from which size to which, in which order, and what stands in the way. */
export function ResizePlanView({ plan, isStale }: { plan: ResizePlan; isStale: boolean }) {
  const { resize } = words.imageChanges;
  return (
    <div className={classes.plan} aria-busy={isStale} aria-live="polite">
      <p>
        <span className={classes.sizes}>{resize.becomes(plan.before, plan.after)}</span>{' '}
        <span className={classes.quiet}>{plan.live ? resize.live : resize.offline}</span>
      </p>
      {plan.blockers.length === 0 ? null : (
        <Alert color="red" icon={<IconAlertTriangle size={18} aria-hidden />} title={resize.blocked}>
          <ul className={classes.list}>
            {plan.blockers.map(({ code, message }) => (
              <li key={code}>{message}</li>
            ))}
          </ul>
        </Alert>
      )}
      {plan.order.length === 0 ? null : (
        <section>
          <h3>{resize.order}</h3>
          <ol className={classes.list}>
            {plan.order.map((step) => (
              <li key={step}>{step}</li>
            ))}
          </ol>
        </section>
      )}
      <Partitions plan={plan} />
      {plan.notes.map((note) => (
        <p key={note} className={classes.quiet}>
          {note}
        </p>
      ))}
      {plan.blockers.length > 0 ? null : (
        <section>
          <h3>{resize.commands}</h3>
          <CommandBox shell={plan.commands.join('\n')} />
        </section>
      )}
    </div>
  );
}

function Partitions({ plan: { table, partitionsEnd } }: { plan: ResizePlan }) {
  const { resize } = words.imageChanges;
  if (table === null) return null;
  return (
    <section>
      <h3>{resize.partitions}</h3>
      {table.partitions.length === 0 ? <p className={classes.quiet}>{resize.noPartitions}</p> : null}
      <ul className={classes.list}>
        {table.partitions.map((partition) => (
          <li key={partition.number}>{lineOf(partition)}</li>
        ))}
      </ul>
      {partitionsEnd === null ? null : <p className={classes.quiet}>{resize.end(partitionsEnd)}</p>}
    </section>
  );
}

const lineOf = ({ number, typeName, type, label, offset, size }: Partition): string =>
  words.imageChanges.resize.partition(
    number,
    [label, typeName ?? type].filter((word) => word !== null).join(', '),
    offset,
    size,
  );
