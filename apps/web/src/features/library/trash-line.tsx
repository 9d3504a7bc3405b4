import { Checkbox, Group } from '@mantine/core';
import { endpoints, type RestoreTrash, type TrashItem } from '@strata/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { keys } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { Bytes } from '../../ui/bytes.tsx';
import { ConfirmButton } from '../../ui/confirm-button.tsx';
import { notifyDone, notifyError } from '../../ui/notify.tsx';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import { When } from '../../ui/when.tsx';
import classes from './dialogs.module.css';
import { RestoreDialog } from './restore-dialog.tsx';

interface TrashLineProps {
  item: TrashItem;
  /** Null: there is nothing to choose among. */
  selected: boolean | null;
  onSelect: (selected: boolean) => void;
}

/** A deleted image: what it was, since when, to whom it belonged; back, or away for good. */
export function TrashLine({ item, selected, onSelect }: TrashLineProps) {
  const client = useQueryClient();
  const [elsewhere, setElsewhere] = useState(false);
  const { trash } = words.library;
  const params = { id: item.id };
  const refresh = () =>
    Promise.all([
      client.invalidateQueries({ queryKey: keys.trash }),
      client.invalidateQueries({ queryKey: keys.images }),
    ]);
  const restore = useMutation({
    mutationFn: (body: RestoreTrash) => call(endpoints.restoreTrash, { params, body }),
    onSuccess: async (image) => {
      setElsewhere(false);
      notifyDone(trash.restored(image.name));
      await refresh();
    },
    onError: (error) => {
      if (!elsewhere) notifyError(error);
    },
  });
  const remove = useMutation({
    mutationFn: () => call(endpoints.deleteTrash, { params }),
    onSuccess: refresh,
    onError: notifyError,
  });
  const [below] = item.needs;
  const reason = below === undefined ? null : trash.needs(below.name);
  const above = item.neededBy.map(({ name }) => name);
  const belonged = trash.belonged(item.belonged.backing, item.belonged.vms);
  return (
    <li className={classes.line}>
      {selected === null ? null : (
        <Checkbox
          size="xs"
          aria-label={trash.select(item.name)}
          checked={selected}
          onChange={(event) => onSelect(event.currentTarget.checked)}
        />
      )}
      <div className={classes.text}>
        <strong>{item.name}</strong>
        <span className={classes.muted}>{item.path}</span>
        <span className={classes.muted}>
          <Bytes value={item.bytes} /> · {trash.deleted} <When at={item.deletedAt} />
          {belonged === '' ? '' : ` · ${belonged}`}
        </span>
      </div>
      <Group gap={6}>
        <ReasonedButton
          size="compact-sm"
          variant="default"
          reason={reason}
          loading={restore.isPending && !elsewhere}
          onClick={() => restore.mutate({})}
        >
          {trash.restore}
        </ReasonedButton>
        <ReasonedButton
          size="compact-sm"
          variant="default"
          reason={reason}
          onClick={() => setElsewhere(true)}
        >
          {trash.elsewhere}
        </ReasonedButton>
        <ConfirmButton
          size="compact-sm"
          variant="default"
          reason={above.length === 0 ? null : trash.neededBy(above)}
          loading={remove.isPending}
          title={trash.deleteTitle(item.name)}
          question={trash.deleteText(item.bytes)}
          confirmLabel={trash.delete}
          onConfirm={() => remove.mutate()}
        >
          {trash.delete}
        </ConfirmButton>
      </Group>
      {elsewhere ? (
        <RestoreDialog
          item={item}
          error={restore.error}
          pending={restore.isPending}
          onRestore={(wish) => restore.mutate(wish)}
          onClose={() => setElsewhere(false)}
        />
      ) : null}
    </li>
  );
}
