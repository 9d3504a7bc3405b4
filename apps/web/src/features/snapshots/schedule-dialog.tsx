import { Button, Checkbox, Group, Select, Stack, Switch, Text } from '@mantine/core';
import { endpoints, type PutSchedule, type Snapshot, type SnapshotSchedule, type Vm } from '@strata/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { call } from '../../api/call.ts';
import { snapshotScheduleQuery, snapshotsQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { CountInput } from '../../ui/count-input.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import { flatSnapshots } from './flat-snapshots.ts';

interface ScheduleDialogProps {
  vm: Vm;
  schedule: SnapshotSchedule;
  onClose: () => void;
}

type Unit = PutSchedule['every']['unit'];
const units: readonly Unit[] = ['minutes', 'hours', 'days'];

/** As it stands in the fields; null where one holds no number that could be meant. */
interface ScheduleWish extends Omit<PutSchedule, 'every' | 'keep'> {
  readonly count: number | null;
  readonly unit: Unit;
  readonly keep: number | null;
}

const bodyOf = ({ count, unit, keep, ...rest }: ScheduleWish): PutSchedule | null =>
  count === null || keep === null ? null : { ...rest, every: { count, unit }, keep };

const isAutomatic = ({ origin }: Snapshot): boolean => origin === 'schedule';

/** Automatic snapshots: off until somebody wishes for them. */
export function ScheduleDialog({ vm, schedule, onClose }: ScheduleDialogProps) {
  const { schedule: text } = words.snapshots;
  const client = useQueryClient();
  const [wish, setWish] = useState<ScheduleWish>(() => {
    const { enabled, every, keep, memory, quiesce } = schedule;
    return { enabled, ...every, keep, memory, quiesce };
  });
  const tree = useQuery(snapshotsQuery(vm.id)).data;
  const automatic = tree === undefined ? 0 : flatSnapshots(tree).filter(isAutomatic).length;
  const set = (change: Partial<ScheduleWish>) => setWish((before) => ({ ...before, ...change }));
  const body = bodyOf(wish);
  const save = useMutation({
    mutationFn: (sent: PutSchedule) =>
      call(endpoints.putSnapshotSchedule, { params: { id: vm.id }, body: sent }),
    onSuccess: (saved) => {
      client.setQueryData(snapshotScheduleQuery(vm.id).queryKey, saved);
      onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (body !== null) save.mutate(body);
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
          <Group align="flex-start" gap="sm">
            <CountInput
              label={text.every}
              value={wish.count}
              min={1}
              max={1000}
              w="9rem"
              onCount={(count) => set({ count })}
            />
            <Select
              aria-label={text.unit}
              value={wish.unit}
              w="9rem"
              mt="1.4rem"
              data={units.map((unit) => ({ value: unit, label: text.units(wish.count)[unit] }))}
              onChange={(unit) => unit !== null && set({ unit: unit as Unit })}
            />
          </Group>
          <CountInput
            label={text.keep}
            description={
              wish.enabled && wish.keep !== null && automatic > wish.keep
                ? `${text.keepText} ${text.keepLower(automatic, wish.keep)}`
                : text.keepText
            }
            value={wish.keep}
            min={1}
            max={100}
            onCount={(keep) => set({ keep })}
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
            <ReasonedButton
              type="submit"
              loading={save.isPending}
              reason={body === null ? text.noNumber : null}
            >
              {words.common.save}
            </ReasonedButton>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
