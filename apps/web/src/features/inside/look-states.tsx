import { Button, Loader } from '@mantine/core';
import type { InsideSession } from '@strata/contract';
import { IconEye, IconEyeOff, IconPackage } from '@tabler/icons-react';
import { isApiError } from '../../api/api-error.ts';
import { useNow } from '../../lib/use-now.ts';
import { visibleName } from '../../lib/visible-text.ts';
import { words } from '../../lib/words.ts';
import { CommandBox } from '../../ui/command-box.tsx';
import { EmptyState } from '../../ui/empty-state.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import classes from './look-states.module.css';

interface StartingProps {
  session: InsideSession | null;
  onStop: (() => void) | null;
}

/** While the appliance starts: what happens, how long that takes, and the way out. */
export function Starting({ session, onStop }: StartingProps) {
  const { starting } = words.inside;
  const now = useNow();
  const since = session === null ? 0 : Math.max(0, Math.round((now - Date.parse(session.startedAt)) / 1000));
  return (
    <div className={classes.starting}>
      <Loader size="sm" aria-hidden />
      <div className={classes.text}>
        <h2 role="status">{starting.title}</h2>
        <p>{session?.writable === true ? starting.writableText : starting.text}</p>
        <p className={classes.muted}>
          {starting.howLong} <span aria-hidden>{starting.since(since)}</span>
        </p>
        {onStop === null ? null : (
          <Button variant="default" onClick={onStop}>
            {starting.stop}
          </Button>
        )}
      </div>
    </div>
  );
}

/** It ended by itself, or was closed. */
export function NotOpen({ kind, onAgain }: { kind: 'ended' | 'closed'; onAgain: () => void }) {
  const text = words.inside[kind];
  return (
    <EmptyState
      icon={<IconEyeOff size={36} />}
      title={text.title}
      actions={
        <Button leftSection={<IconEye size={16} aria-hidden />} onClick={onAgain}>
          {words.inside.ended.again}
        </Button>
      }
    >
      {text.text}
    </EmptyState>
  );
}

export function Failed({ session, onAgain }: { session: InsideSession; onAgain: () => void }) {
  const { failed, missing } = words.inside;
  return (
    <EmptyState
      icon={<IconEyeOff size={36} />}
      title={failed.title}
      actions={<Button onClick={onAgain}>{missing.again}</Button>}
    >
      <p role="alert">{visibleName(session.problem?.message ?? '')}</p>
      {session.problem?.repair === undefined ? null : <p>{visibleName(session.problem.repair)}</p>}
    </EmptyState>
  );
}

export function Refused({ error, onAgain }: { error: unknown; onAgain: () => void }) {
  if (!isApiError(error) || !error.is('tool-missing')) return <ErrorNotice error={error} onRetry={onAgain} />;
  const { missing } = words.inside;
  return (
    <EmptyState
      icon={<IconPackage size={36} />}
      title={missing.title}
      actions={<Button onClick={onAgain}>{missing.again}</Button>}
    >
      <div className={classes.missing}>
        <p>{missing.text}</p>
        <CommandBox shell={missing.command} />
        <p className={classes.muted}>{missing.note}</p>
        <p className={classes.muted}>{error.problem.detail}</p>
      </div>
    </EmptyState>
  );
}
