import { useQuery } from '@tanstack/react-query';
import { vmCommandQuery, vmLogQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { CommandBox } from '../../ui/command-box.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { Panel } from '../../ui/page.tsx';
import { RowSkeletons } from '../../ui/skeletons.tsx';
import { When } from '../../ui/when.tsx';
import classes from './log-tab.module.css';
import { newestFirst } from './newest-first.ts';

/** What QEMU was started with, what it said, and what happened. */
export function LogTab({ vmId }: { vmId: string }) {
  const command = useQuery(vmCommandQuery(vmId));
  const log = useQuery(vmLogQuery(vmId));
  const text = words.log;
  return (
    <div className={classes.tab}>
      <Panel title={text.command}>
        <p className={classes.hint}>{text.commandText}</p>
        <ErrorNotice error={command.error} onRetry={() => void command.refetch()} />
        {command.data ? <CommandBox shell={command.data.shell} copyLabel={text.copyCommand} /> : null}
        {command.isPending ? <RowSkeletons count={2} /> : null}
      </Panel>
      <Panel title={text.output}>
        <ErrorNotice error={log.error} onRetry={() => void log.refetch()} />
        {log.data?.truncated ? <p className={classes.hint}>{text.truncated}</p> : null}
        {log.data ? (
          log.data.output ? (
            // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling text must be reachable by keyboard
            <pre className={classes.output} tabIndex={0}>
              {log.data.output}
            </pre>
          ) : (
            <p className={classes.hint}>{text.noOutput}</p>
          )
        ) : null}
        {log.isPending ? <RowSkeletons count={2} /> : null}
      </Panel>
      <Panel title={text.events}>
        {log.data?.events.length === 0 ? <p className={classes.hint}>{text.noEvents}</p> : null}
        <ol className={classes.events}>
          {newestFirst(log.data?.events ?? []).map((event) => (
            <li key={event.at + event.event + event.detail}>
              <When at={event.at} className={classes.when ?? ''} />
              <strong title={event.event}>{text.eventNames[event.event] ?? event.event}</strong>
              <span>{event.detail}</span>
            </li>
          ))}
        </ol>
      </Panel>
    </div>
  );
}
