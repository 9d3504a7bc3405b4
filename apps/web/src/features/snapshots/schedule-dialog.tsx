import { Button, Checkbox, Group, NumberInput, Select, Stack, Switch, Text } from '@mantine/core';
import { endpoints, type PutSchedule, type SnapshotSchedule, type Vm } from '@strata/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { call } from '../../api/call.ts';
import { snapshotScheduleQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';

interface ScheduleDialogProps {
  vm: Vm;
  schedule: SnapshotSchedule;
  onClose: () => void;
}

type Unit = PutSchedule['every']['unit'];
const units: readonly Unit[] = ['minutes', 'hours', 'days'];

/** Automatic snapshots: off until somebody wishes for them. */
export function ScheduleDialog({ vm, schedule, onClose }: ScheduleDialogProps) {
  const { schedule: text } = words.snapshots;
  const client = useQueryClient();
  const [wish, setWish] = useState<PutSchedule>(() => {
    const { enabled, every, keep, memory, quiesce } = schedule;
    return { enabled, every, keep, memory, quiesce };
  });
  const set = (change: Partial<PutSchedule>) => setWish((before) => ({ ...before, ...change }));
  const { every } = wish;
  const save = useMutation({
    mutationFn: () => call(endpoints.putSnapshotSchedule, { params: { id: vm.id }, body: wish }),
    onSuccess: (saved) => {
      client.setQueryData(snapshotScheduleQuery(vm.id).queryKey, saved);
      onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Dialog onClose={onClose} title={text.title} size="32rem">
      <form onSubmit={submit}>
        <Stack gap="md">
          <Switch
            label={text.enable}
            checked={wish.enabled}
            data-autofocus
            onChange={(event) => set({ enabled: event.currentTarget.checked })}
          />
          <Group align="flex-end" gap="sm">
            <NumberInput
              label={text.every}
              value={every.count}
              min={1}
              max={1000}
              allowDecimal={false}
              w="7rem"
              onChange={(count) => typeof count === 'number' && set({ every: { ...every, count } })}
            />
            <Select
              aria-label={text.unit}
              value={every.unit}
              w="9rem"
              data={units.map((unit) => ({ value: unit, label: text.units[unit] }))}
              onChange={(unit) => unit !== null && set({ every: { ...every, unit: unit as Unit } })}
            />
          </Group>
          <NumberInput
            label={text.keep}
            description={text.keepText}
            value={wish.keep}
            min={1}
            max={100}
            allowDecimal={false}
            onChange={(keep) => typeof keep === 'number' && set({ keep })}
          />
          <Checkbox
            label={text.memory}
            checked={wish.memory}
            onChange={(event) =>
              set({
                memory: event.currentTarget.checked,
                ...(event.currentTarget.checked ? { quiesce: false } : {}),
              })
            }
          />
          <Checkbox
            label={text.quiesce}
            description={wish.memory ? text.notWithMemory : null}
            disabled={wish.memory}
            checked={wish.quiesce}
            onChange={(event) => set({ quiesce: event.currentTarget.checked })}
          />
          <Text size="sm" c="dimmed">
            {text.rules}
          </Text>
          <ErrorNotice error={save.error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {words.common.cancel}
            </Button>
            <Button type="submit" loading={save.isPending}>
              {words.common.save}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
