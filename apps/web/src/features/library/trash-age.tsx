import { Checkbox, Group, NumberInput, Stack } from '@mantine/core';
import { endpoints, type TrashItem } from '@strata/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { keys, trashSettingsQuery } from '../../api/queries.ts';
import { useNow } from '../../lib/use-now.ts';
import { words } from '../../lib/words.ts';
import { ConfirmButton } from '../../ui/confirm-button.tsx';
import { notifyDone, notifyError } from '../../ui/notify.tsx';

const dayMs = 24 * 3_600_000;
const usual = 30;

/** What is old goes together, now or by itself. */
export function TrashAge({ items }: { items: readonly TrashItem[] }) {
  const client = useQueryClient();
  const now = useNow();
  const settings = useQuery(trashSettingsQuery()).data;
  const [typed, setTyped] = useState<number | null>(null);
  const { trash } = words.library;
  const days = typed ?? settings?.emptyAfterDays ?? usual;
  const old = items.filter(({ deletedAt }) => Date.parse(deletedAt) <= now - days * dayMs);
  const remove = useMutation({
    mutationFn: () => call(endpoints.emptyTrash, { body: { olderThanDays: days } }),
    onSuccess: async ({ deleted, bytes, left }) => {
      notifyDone(trash.emptied(deleted, bytes, left.length));
      await client.invalidateQueries({ queryKey: keys.trash });
    },
    onError: notifyError,
  });
  const keep = useMutation({
    mutationFn: (emptyAfterDays: number | null) =>
      call(endpoints.putTrashSettings, { body: { emptyAfterDays } }),
    onSuccess: (answer) => client.setQueryData(keys.trashSettings, answer),
    onError: notifyError,
  });
  const kept = settings?.emptyAfterDays ?? null;
  return (
    <Stack gap={8}>
      <Group gap={8} align="end">
        <NumberInput
          label={trash.olderThan}
          suffix={` ${trash.days}`}
          size="xs"
          w="11rem"
          min={1}
          max={3650}
          allowDecimal={false}
          value={days}
          onChange={(value) => setTyped(typeof value === 'number' && value >= 1 ? value : null)}
        />
        <ConfirmButton
          size="xs"
          variant="default"
          reason={old.length === 0 ? trash.nothingOld : null}
          loading={remove.isPending}
          title={trash.deleteOldTitle(days)}
          question={trash.deleteText(old.reduce((sum, { bytes }) => sum + bytes, 0))}
          confirmLabel={trash.delete}
          onConfirm={() => remove.mutate()}
        >
          {trash.deleteOld}
        </ConfirmButton>
      </Group>
      <Checkbox
        size="xs"
        label={trash.automatic(kept ?? days)}
        description={trash.automaticText}
        disabled={settings === undefined}
        checked={kept !== null}
        onChange={(event) => keep.mutate(event.currentTarget.checked ? days : null)}
      />
    </Stack>
  );
}
