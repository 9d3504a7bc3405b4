import { Button, Checkbox, Group, Stack, Text } from '@mantine/core';
import { endpoints } from '@strata/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { keys, trashQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { ConfirmButton } from '../../ui/confirm-button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { notifyDone, notifyError } from '../../ui/notify.tsx';
import { RowSkeletons } from '../../ui/skeletons.tsx';
import classes from './dialogs.module.css';
import { TrashAge } from './trash-age.tsx';
import { TrashLine } from './trash-line.tsx';

const atFirst = 50;

/** What was deleted, the newest first: to be had back, or to go for good. */
export function TrashDialog({ onClose }: { onClose: () => void }) {
  const trash = useQuery(trashQuery());
  const items = trash.data?.items ?? [];
  const [shown, setShown] = useState(atFirst);
  const [marked, setMarked] = useState<ReadonlySet<string>>(new Set());
  const selected = items.filter(({ id }) => marked.has(id));
  const { trash: text } = words.library;
  const total = items.reduce((sum, { bytes }) => sum + bytes, 0);
  const mark = (id: string, on: boolean) =>
    setMarked((before) => new Set(on ? [...before, id] : [...before].filter((each) => each !== id)));
  return (
    <Dialog onClose={onClose} title={text.title} size="46rem">
      <Stack gap="md">
        <ErrorNotice error={trash.error} />
        {trash.isPending ? <RowSkeletons count={2} /> : null}
        {trash.data ? (
          <Text size="sm" c="dimmed">
            {items.length === 0 ? text.empty : text.text(total)}
          </Text>
        ) : null}
        {items.length > 1 ? (
          <Group gap={12}>
            <Checkbox
              size="xs"
              label={text.selectAll}
              checked={selected.length === items.length}
              indeterminate={selected.length > 0 && selected.length < items.length}
              onChange={(event) =>
                setMarked(new Set(event.currentTarget.checked ? items.map(({ id }) => id) : []))
              }
            />
            {selected.length > 0 ? <DeleteSelected selected={selected} /> : null}
          </Group>
        ) : null}
        <ul className={classes.list}>
          {items.slice(0, shown).map((item) => (
            <TrashLine
              key={item.id}
              item={item}
              selected={items.length > 1 ? marked.has(item.id) : null}
              onSelect={(on) => mark(item.id, on)}
            />
          ))}
        </ul>
        {items.length > shown ? (
          <Button size="compact-sm" variant="subtle" onClick={() => setShown(shown + 500)}>
            {text.more(items.length - shown)}
          </Button>
        ) : null}
        {trash.data ? <TrashAge items={items} /> : null}
      </Stack>
    </Dialog>
  );
}

function DeleteSelected({ selected }: { selected: readonly { id: string; bytes: number }[] }) {
  const client = useQueryClient();
  const { trash } = words.library;
  const remove = useMutation({
    mutationFn: () => call(endpoints.emptyTrash, { body: { items: selected.map(({ id }) => id) } }),
    onSuccess: async ({ deleted, bytes, left }) => {
      notifyDone(trash.emptied(deleted, bytes, left.length));
      await client.invalidateQueries({ queryKey: keys.trash });
    },
    onError: notifyError,
  });
  return (
    <ConfirmButton
      size="compact-sm"
      variant="default"
      loading={remove.isPending}
      title={trash.deleteManyTitle(selected.length)}
      question={trash.deleteText(selected.reduce((sum, { bytes }) => sum + bytes, 0))}
      confirmLabel={trash.delete}
      onConfirm={() => remove.mutate()}
    >
      {trash.deleteSelected(selected.length)}
    </ConfirmButton>
  );
}
