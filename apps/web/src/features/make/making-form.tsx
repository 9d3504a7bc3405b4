import { Button, Group, Select, Stack, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { FormEvent, ReactNode } from 'react';
import { foldersQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { ReserveChoice } from '../../ui/reserve-choice.tsx';
import type { Making } from './use-making.ts';

interface MakingFormProps {
  making: Making;
  /** What it is made of is there. */
  ready: boolean;
  onClose: () => void;
  children: ReactNode;
}

/** What it is made of, then how it is called, where it goes, and what went wrong. */
export function MakingForm({ making, ready, onClose, children }: MakingFormProps) {
  const folders = useQuery(foldersQuery()).data?.items ?? [];
  const { target, change, start, fieldError } = making;
  const complete = ready && target.name.trim() !== '';
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (complete) start.mutate();
  };
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
          error={fieldError('name')}
        />
        {folders.length > 1 ? (
          <Select
            label={words.make.into}
            value={target.folder ?? folders.find((each) => each.default)?.path ?? null}
            onChange={(folder) => change({ folder })}
            data={folders.map(({ path }) => path)}
          />
        ) : null}
        <ErrorNotice error={start.error} />
        <ReserveChoice
          error={start.error}
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
