import { Button, Group, Select, Stack, TextInput } from '@mantine/core';
import { displayName } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import type { FormEvent, ReactNode } from 'react';
import { foldersQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { ErrorNotice } from '../../ui/error-notice.tsx';
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

/** What it is made of, then how it is called, where it goes, and what went wrong. */
export function MakingForm({ making, ready, forecast, onClose, children }: MakingFormProps) {
  const folders = useQuery(foldersQuery()).data?.items ?? [];
  const { target, change, start, fieldError } = making;
  const named = displayName.safeParse(target.name);
  const allowed = forecast === undefined || (forecast.isCurrent && forecast.data?.blockers.length === 0);
  const complete = ready && named.success && allowed;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (complete) start.mutate();
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
          <Button type="submit" loading={start.isPending} disabled={!complete}>
            {words.make.submit}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
