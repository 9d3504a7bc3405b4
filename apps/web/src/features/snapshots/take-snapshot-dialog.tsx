import { Button, Checkbox, Group, Stack, Textarea, TextInput } from '@mantine/core';
import type { SnapshotForecast, Vm } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { isApiError } from '../../api/api-error.ts';
import { snapshotForecastQuery } from '../../api/queries.ts';
import { formatShortTime } from '../../lib/format.ts';
import { words } from '../../lib/words.ts';
import { type Choice, ChoiceCards } from '../../ui/choice-cards.tsx';
import { CountInput } from '../../ui/count-input.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import { isLive } from '../vms/vm-can.ts';
import { DiskChoice } from './disk-choice.tsx';
import { shortBy, TakeForecast } from './take-forecast.tsx';
import { TakeProgress } from './take-progress.tsx';
import {
  kindFields,
  kindRefusal,
  mayQuiesce,
  type TakeKind,
  type TakeWish,
  takeBody,
  takeKinds,
} from './take-wish.ts';
import { useTake } from './use-take.ts';

export function TakeSnapshotDialog({ vm, onClose }: { vm: Vm; onClose: () => void }) {
  const { take: text } = words.snapshots;
  const forecast = useQuery(snapshotForecastQuery(vm.id));
  const [wish, setWish] = useState<TakeWish>(() => ({
    name: text.defaultName(formatShortTime(new Date())),
    description: '',
    kind: 'disks',
    quiesce: true,
    disks: vm.disks.map(({ id }) => id),
    stopAfterSeconds: 30,
  }));
  const set = (change: Partial<TakeWish>) => setWish((before) => ({ ...before, ...change }));
  const { take, operation, failed } = useTake(vm, onClose);
  if (operation) return <TakeProgress name={wish.name} operation={operation} onClose={onClose} />;
  const agent = forecast.data?.agent;
  const canFreeze = agent?.state !== 'absent';
  const settled: TakeWish = { ...wish, quiesce: wish.quiesce && agent?.state === 'ready' };
  const refusal = refusalOf(wish, forecast.data);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (refusal === null) take.mutate(takeBody(vm, settled));
  };
  return (
    <Dialog onClose={onClose} title={text.title} size="40rem">
      <form onSubmit={submit}>
        <Stack gap="sm">
          <TextInput
            label={text.name}
            value={wish.name}
            onChange={(event) => set({ name: event.currentTarget.value })}
            onFocus={(event) => event.currentTarget.select()}
            error={isApiError(take.error) ? take.error.fieldError('name') : undefined}
            required
            maxLength={100}
            data-autofocus
          />
          <Textarea
            label={text.description}
            placeholder={text.descriptionPlaceholder}
            value={wish.description}
            onChange={(event) => set({ description: event.currentTarget.value })}
            autosize
            minRows={2}
            maxRows={6}
          />
          <ChoiceCards
            label={text.what}
            value={wish.kind}
            onChange={(kind) => set({ kind })}
            choices={takeKinds.map((kind) => kindChoice(kind, wish.disks, forecast.data))}
          />
          {mayQuiesce(vm, wish.kind) ? (
            <Checkbox
              label={text.freeze}
              description={agent?.reason}
              checked={settled.quiesce}
              disabled={!canFreeze}
              onChange={(event) => set({ quiesce: event.currentTarget.checked })}
            />
          ) : null}
          {kindFields(wish.kind).memory && !wish.kind.startsWith('internal') && isLive(vm.state) ? (
            <CountInput
              label={text.stopAfter}
              description={text.stopAfterText}
              value={wish.stopAfterSeconds}
              min={1}
              max={3600}
              suffix=" s"
              onCount={(stopAfterSeconds) => set({ stopAfterSeconds })}
            />
          ) : null}
          <DiskChoice
            vm={vm}
            value={wish.disks}
            reason={kindFields(wish.kind).memory ? text.allDisks : null}
            onChange={(disks) => set({ disks })}
          />
          <TakeForecast vm={vm} wish={settled} forecast={forecast.data} />
          <ErrorNotice error={forecast.error} />
          <ErrorNotice error={take.error} />
          {failed?.error ? <ErrorNotice error={new Error(failed.error.message)} /> : null}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {words.common.cancel}
            </Button>
            <ReasonedButton type="submit" loading={take.isPending} reason={refusal}>
              {text.submit}
            </ReasonedButton>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}

function kindChoice(
  kind: TakeKind,
  disks: readonly string[],
  forecast: SnapshotForecast | undefined,
): Choice<TakeKind> {
  const { take } = words.snapshots;
  return {
    value: kind,
    label: take.kinds[kind],
    text: take.kindText[kind],
    reason: kindRefusal(forecast, kind, disks),
  };
}

function refusalOf(wish: TakeWish, forecast: SnapshotForecast | undefined): string | null {
  const { take } = words.snapshots;
  if (wish.name.trim() === '') return take.noName;
  if (wish.disks.length === 0) return take.noDisk;
  if (wish.stopAfterSeconds === null) return take.noSeconds;
  const refused = kindRefusal(forecast, wish.kind, wish.disks);
  if (refused) return refused;
  const short = shortBy(wish, forecast);
  return short > 0 ? take.tooLittle(short) : null;
}
