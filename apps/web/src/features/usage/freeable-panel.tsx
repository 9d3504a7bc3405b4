import { Button } from '@mantine/core';
import { endpoints, type Freeable, freeableKind } from '@strata/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { freeableQuery, keys } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { Bytes } from '../../ui/bytes.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { notifyError } from '../../ui/notify.tsx';
import { Panel } from '../../ui/page.tsx';
import { RowSkeletons } from '../../ui/skeletons.tsx';
import { useTellBegun, waitForMade } from '../operations/use-tell-begun.ts';
import { FreeableLink } from './freeable-link.tsx';
import classes from './usage.module.css';

const few = 4;

/** What could be had back, by its kind, each with what is lost and the way to it. */
export function FreeablePanel() {
  const freeable = useQuery(freeableQuery());
  const text = words.usage.freeable;
  const { data } = freeable;
  const groups = freeableKind.options
    .map((kind) => ({ kind, items: (data?.items ?? []).filter((item) => item.kind === kind) }))
    .filter(({ items }) => items.length > 0);
  return (
    <Panel
      title={text.title}
      actions={
        data && data.certain > 0 ? <span className={classes.muted}>{text.certain(data.certain)}</span> : null
      }
    >
      <ErrorNotice error={data ? null : freeable.error} onRetry={() => void freeable.refetch()} />
      {freeable.isPending ? <RowSkeletons count={3} /> : null}
      {data && groups.length === 0 ? <p className={classes.muted}>{text.nothing}</p> : null}
      {data && data.unmeasured > 0 ? <Unmeasured count={data.unmeasured} /> : null}
      <div className={classes.groups}>
        {groups.map(({ kind, items }) => (
          <FreeableGroup key={kind} title={text.kinds[kind]} items={items} />
        ))}
      </div>
    </Panel>
  );
}

function Unmeasured({ count }: { count: number }) {
  const text = words.usage.freeable.measure;
  const tell = useTellBegun();
  const measure = useMutation({
    mutationFn: () => call(endpoints.measureImages, { body: { all: true }, query: waitForMade }),
    onSuccess: tell,
    onError: notifyError,
  });
  return (
    <div className={classes.unmeasured}>
      <span>{text.text(count)}</span>
      <Button
        size="compact-sm"
        variant="default"
        loading={measure.isPending}
        onClick={() => measure.mutate()}
      >
        {text.button}
      </Button>
    </div>
  );
}

function FreeableGroup({ title, items }: { title: string; items: readonly Freeable[] }) {
  const [all, setAll] = useState(false);
  const text = words.usage.freeable;
  const shown = all ? items : items.slice(0, few);
  const bytes = items.reduce((sum, item) => sum + (item.bytes ?? 0), 0);
  return (
    <section aria-label={title}>
      <h3 className={classes.group}>
        {title} <span className={classes.muted}>{text.sum(items.length, bytes)}</span>
      </h3>
      <ul className={classes.items}>
        {shown.map((item) => (
          <FreeableLine key={item.key} item={item} />
        ))}
      </ul>
      {items.length > shown.length ? (
        <Button size="compact-sm" variant="subtle" onClick={() => setAll(true)}>
          {text.more(items.length - shown.length)}
        </Button>
      ) : null}
    </section>
  );
}

function FreeableLine({ item }: { item: Freeable }) {
  const text = words.usage.freeable;
  return (
    <li className={classes.item}>
      <div className={classes.what}>
        <strong>{item.name}</strong>
        <span>{item.how}</span>
        <span className={classes.muted}>
          {text.lost} {item.loses}
        </span>
      </div>
      <span className={classes.amount}>
        <Amount item={item} />
      </span>
      {item.link.downloadId === undefined ? (
        <FreeableLink item={item} />
      ) : (
        <RemoveDownload id={item.link.downloadId} name={item.name} />
      )}
    </li>
  );
}

function Amount({ item: { bytes, certainty, costs } }: { item: Freeable }) {
  const text = words.usage.freeable;
  if (costs !== undefined) return text.costs(costs);
  if (bytes === null) return null;
  return certainty === 'exact' ? <Bytes value={bytes} /> : text.upTo(bytes);
}

function RemoveDownload({ id, name }: { id: string; name: string }) {
  const client = useQueryClient();
  const text = words.usage.freeable;
  const remove = useMutation({
    mutationFn: () => call(endpoints.deleteDownload, { params: { id } }),
    onSuccess: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: keys.usage }),
        client.invalidateQueries({ queryKey: keys.downloads }),
      ]),
    onError: notifyError,
  });
  return (
    <Button
      size="compact-sm"
      variant="default"
      loading={remove.isPending}
      aria-label={text.of(text.remove, name)}
      onClick={() => remove.mutate()}
    >
      {text.remove}
    </Button>
  );
}
