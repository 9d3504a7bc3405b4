import { Group, Stack, Text } from '@mantine/core';
import { endpoints } from '@strata/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { call } from '../../api/call.ts';
import { keys, trashQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { Bytes } from '../../ui/bytes.tsx';
import { ConfirmButton } from '../../ui/confirm-button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { notifyDone, notifyError } from '../../ui/notify.tsx';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import { RowSkeletons } from '../../ui/skeletons.tsx';
import { When } from '../../ui/when.tsx';
import classes from './dialogs.module.css';

export function TrashDialog({ onClose }: { onClose: () => void }) {
  const trash = useQuery(trashQuery());
  const items = trash.data?.items ?? [];
  const { trash: trashWords } = words.library;
  const total = items.reduce((sum, { bytes }) => sum + bytes, 0);
  return (
    <Dialog onClose={onClose} title={trashWords.title} size="42rem">
      <Stack gap="md">
        <ErrorNotice error={trash.error} />
        {trash.isPending ? <RowSkeletons count={2} /> : null}
        {trash.data ? (
          <Text size="sm" c="dimmed">
            {items.length === 0 ? trashWords.empty : trashWords.text(total)}
          </Text>
        ) : null}
        <ul className={classes.list}>
          {items.map((item) => (
            <TrashLine key={item.id} item={item} />
          ))}
        </ul>
      </Stack>
    </Dialog>
  );
}

interface TrashLineProps {
  item: { id: string; name: string; path: string; bytes: number; deletedAt: string };
}

function TrashLine({ item }: TrashLineProps) {
  const client = useQueryClient();
  const { trash } = words.library;
  const params = { id: item.id };
  const refresh = () =>
    Promise.all([
      client.invalidateQueries({ queryKey: keys.trash }),
      client.invalidateQueries({ queryKey: keys.images }),
    ]);
  const restore = useMutation({
    mutationFn: () => call(endpoints.restoreTrash, { params, body: {} }),
    onSuccess: async (image) => {
      notifyDone(trash.restored(image.name));
      await refresh();
    },
    onError: notifyError,
  });
  const remove = useMutation({
    mutationFn: () => call(endpoints.deleteTrash, { params }),
    onSuccess: refresh,
    onError: notifyError,
  });
  return (
    <li className={classes.line}>
      <div className={classes.text}>
        <strong>{item.name}</strong>
        <span className={classes.muted}>{item.path}</span>
        <span className={classes.muted}>
          <Bytes value={item.bytes} /> · <When at={item.deletedAt} />
        </span>
      </div>
      <Group gap={6}>
        <ReasonedButton
          size="compact-sm"
          variant="default"
          loading={restore.isPending}
          onClick={() => restore.mutate()}
        >
          {trash.restore}
        </ReasonedButton>
        <ConfirmButton
          size="compact-sm"
          variant="default"
          loading={remove.isPending}
          title={trash.deleteTitle(item.name)}
          question={trash.deleteText(item.bytes)}
          confirmLabel={trash.delete}
          onConfirm={() => remove.mutate()}
        >
          {trash.delete}
        </ConfirmButton>
      </Group>
    </li>
  );
}
