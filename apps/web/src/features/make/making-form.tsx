import { Button, Group, Select, Stack, TextInput } from '@mantine/core';
import { displayName } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import type { FormEvent, ReactNode } from 'react';
import { foldersQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import { ReserveChoice } from '../../ui/reserve-choice.tsx';
import { ForecastView } from './forecast-view.tsx';
import type { Forecast } from './use-forecast.ts';
import type { Making } from './use-making.ts';

interface MakingFormProps {
  making: Making;
  /** What it is made of is there. */
  ready: boolean;
  /** Where there is one, nothing is begun that it says cannot be. */
  forecast?: Forecast;
  onClose: () => void;
  children: ReactNode;
}

const isShort = ({ data }: Forecast): boolean =>
  data?.spaces.some(({ needed, spendable }) => spendable !== null && needed > spendable) === true;

const reasonOf = (
  ready: boolean,
  isNamed: boolean,
  isAllowed: boolean,
  forecast: Forecast | undefined,
): string | null => {
  const { reasons } = words.make;
  if (!ready) return reasons.incomplete;
  if (!isAllowed && (forecast?.data?.blockers.length ?? 0) > 0) return reasons.blocked;
  if (!isAllowed) return forecast?.isAsked === true ? reasons.looking : reasons.files;
  return isNamed ? null : reasons.name;
};

/** What it is made of, then how it is called, where it goes, and what went wrong. */
export function MakingForm({ making, ready, forecast, onClose, children }: MakingFormProps) {
  const folders = useQuery(foldersQuery()).data?.items ?? [];
  const { target, change, start, fieldError } = making;
  const named = displayName.safeParse(target.name);
  const allowed = forecast === undefined || (forecast.isCurrent && forecast.data?.blockers.length === 0);
  const reason = reasonOf(ready, named.success, allowed, forecast);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (reason === null) start.mutate();
  };
  const nameError = target.name === '' || named.success ? undefined : named.error.issues[0]?.message;
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        {children}
        <TextInput
          label={words.make.name}
          value={target.name}
          required
          maxLength={100}
          onChange={(event) => change({ name: event.currentTarget.value })}
          error={nameError ?? fieldError('name')}
        />
        {folders.length > 1 ? (
          <Select
            label={words.make.into}
            value={target.folder ?? folders.find((each) => each.default)?.path ?? null}
            onChange={(folder) => change({ folder })}
            data={folders.map(({ path }) => path)}
          />
        ) : null}
        {forecast === undefined ? null : <ForecastView forecast={forecast} />}
        <ErrorNotice error={start.error} />
        <ReserveChoice
          error={start.error}
          offered={forecast !== undefined && isShort(forecast)}
          checked={target.useReserve}
          onChange={(useReserve) => change({ useReserve })}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {words.common.cancel}
          </Button>
          <ReasonedButton type="submit" loading={start.isPending} reason={reason}>
            {words.make.submit}
          </ReasonedButton>
        </Group>
      </Stack>
    </form>
  );
}
