import { Badge, Group } from '@mantine/core';
import { endpoints, type ImageExport } from '@strata/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { call } from '../../api/call.ts';
import { keys } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { CommandBox } from '../../ui/command-box.tsx';
import { ConfirmButton } from '../../ui/confirm-button.tsx';
import { CopyButton } from '../../ui/copy-button.tsx';
import { notifyError } from '../../ui/notify.tsx';
import { When } from '../../ui/when.tsx';
import classes from './export-card.module.css';

/** One export: where it is, who is connected, what to type, and how to stop it. */
export function ExportCard({ one, open = false }: { one: ImageExport; open?: boolean }) {
  const text = words.exports.card;
  return (
    <article className={classes.card} aria-label={one.name}>
      <Group justify="space-between" align="start" gap={8}>
        <div className={classes.head}>
          <strong>{one.name}</strong>
          <span className={classes.muted}>
            {text.of(one.imageName, one.size)} · {text.since} <When at={one.startedAt} />
          </span>
        </div>
        <Group gap={6}>
          {one.tls ? <Badge variant="light">{text.tls}</Badge> : null}
          {one.pinned ? <Badge variant="light">{text.pinned}</Badge> : null}
          {one.writable ? (
            <Badge variant="light" color="red">
              {text.writable}
            </Badge>
          ) : null}
          <StopButton one={one} />
        </Group>
      </Group>
      <Place label={text.copyUri} place={one.mountpoint ?? one.uri} />
      {one.credentials === undefined ? null : (
        <p className={classes.muted}>
          {text.keys}: <code className={classes.place}>{one.credentials}</code>
        </p>
      )}
      {one.kind === 'nbd' ? (
        <p className={classes.muted} aria-live="polite">
          {one.clients.length === 0 ? text.noClients : text.clients(one.clients)}
        </p>
      ) : null}
      <details open={open}>
        <summary className={classes.summary}>{text.commands}</summary>
        <ul className={classes.commands}>
          {one.commands.map(({ title, command, needs }) => (
            <li key={title}>
              <h4 className={classes.title}>{title}</h4>
              {needs === undefined ? null : <p className={classes.muted}>{text.needs(needs)}</p>}
              <CommandBox shell={command} />
            </li>
          ))}
        </ul>
      </details>
    </article>
  );
}

function Place({ place, label }: { place: string; label: string }) {
  return (
    <div className={classes.line}>
      <code className={classes.place}>{place}</code>
      <CopyButton compact text={place} label={label} />
    </div>
  );
}

function StopButton({ one }: { one: ImageExport }) {
  const client = useQueryClient();
  const text = words.exports.card;
  const stop = useMutation({
    mutationFn: () => call(endpoints.deleteExport, { params: { id: one.id } }),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.exports }),
    onError: notifyError,
  });
  return (
    <ConfirmButton
      variant="default"
      size="compact-sm"
      loading={stop.isPending}
      title={text.stopTitle(one.name)}
      question={text.stopText(one.clients.length)}
      confirmLabel={text.stop}
      onConfirm={() => stop.mutate()}
    >
      {text.stop}
    </ConfirmButton>
  );
}
