import { Button, Checkbox, Group, SegmentedControl, Select, Stack, Text } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { type AdoptFolder, endpoints } from '@strata/contract';
import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { call } from '../../api/call.ts';
import { foldersQuery, keys } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { notifyDone } from '../../ui/notify.tsx';
import { PathField } from '../../ui/path-field.tsx';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import { RowSkeletons } from '../../ui/skeletons.tsx';
import { PlanBlockers } from '../plan/plan-blockers.tsx';
import { AdoptPlanView } from './adopt-plan-view.tsx';
import classes from './dialogs.module.css';

/** A folder of foreign images: looked at, planned, and taken in exactly as planned. */
export function AdoptDialog({ path: given, onClose }: { path: string; onClose: () => void }) {
  const client = useQueryClient();
  const [wish, setWish] = useState<AdoptFolder>({
    path: given,
    mode: 'register',
    outside: 'leave',
    recordFormats: true,
  });
  const plan = useQuery({
    queryKey: ['plan', 'adopt', wish],
    queryFn: ({ signal }) => call(endpoints.planAdopt, { body: wish, signal }),
    enabled: wish.path !== '',
    // A plan is of this moment: it is never taken from an earlier look.
    staleTime: 0,
    gcTime: 0,
    placeholderData: keepPreviousData,
  });
  const start = useMutation({
    mutationFn: (fingerprint: string) => call(endpoints.adoptFolder, { body: { ...wish, fingerprint } }),
    onSuccess: async ({ title }) => {
      notifyDone(words.adopt.started(title));
      onClose();
      await client.invalidateQueries({ queryKey: keys.folders });
    },
    onError: () => void plan.refetch(),
  });
  const narrow = useMediaQuery('(max-width: 48rem)') ?? false;
  const ready = plan.isFetching || plan.isError ? undefined : plan.data;
  return (
    <Dialog onClose={onClose} title={words.adopt.title} size="56rem" fullScreen={narrow}>
      <Stack gap="md">
        <Text size="sm" c="dimmed">
          {words.adopt.text}
        </Text>
        <FolderChoice given={given} busy={plan.isFetching} onLook={(path) => setWish({ ...wish, path })} />
        <AdoptChoices wish={wish} onChange={setWish} />
        <ErrorNotice error={plan.error} onRetry={() => void plan.refetch()} />
        {plan.isLoading ? (
          <>
            <Text size="sm">{words.adopt.looking}</Text>
            <RowSkeletons count={4} />
          </>
        ) : null}
        {plan.data && !plan.isError ? <AdoptPlanView plan={plan.data} /> : null}
        {plan.data && !plan.isError ? (
          <PlanBlockers
            blockers={plan.data.blockers}
            onLeave={onClose}
            onLifted={() => void plan.refetch()}
          />
        ) : null}
        {plan.data?.fitsInReserve || wish.useReserve ? (
          <Checkbox
            label={words.plan.space.useReserve}
            description={words.plan.space.useReserveText}
            checked={wish.useReserve === true}
            onChange={(event) => setWish({ ...wish, useReserve: event.currentTarget.checked })}
          />
        ) : null}
        <ErrorNotice error={start.error} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {words.common.cancel}
          </Button>
          <ReasonedButton
            loading={start.isPending}
            reason={ready === undefined ? words.adopt.waiting : ready.blockers[0]?.message}
            onClick={() => ready && start.mutate(ready.fingerprint)}
          >
            {words.adopt.run}
          </ReasonedButton>
        </Group>
      </Stack>
    </Dialog>
  );
}

interface FolderChoiceProps {
  given: string;
  busy: boolean;
  onLook: (path: string) => void;
}

function FolderChoice({ given, busy, onLook }: FolderChoiceProps) {
  const [path, setPath] = useState(given);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (path.trim() !== '') onLook(path.trim());
  };
  return (
    <form onSubmit={submit} className={classes.add}>
      <PathField label={words.adopt.path} kind="folder" required focused value={path} onChange={setPath} />
      <Group>
        <Button type="submit" variant="default" loading={busy} disabled={path.trim() === ''}>
          {words.adopt.look}
        </Button>
      </Group>
    </form>
  );
}

function AdoptChoices({ wish, onChange }: { wish: AdoptFolder; onChange: (wish: AdoptFolder) => void }) {
  const folders = useQuery(foldersQuery()).data?.items ?? [];
  const standard = folders.find((folder) => folder.default)?.path;
  const text = words.adopt;
  const { folder: _, ...rest } = wish;
  return (
    <Stack gap="xs">
      <Stack gap={6} align="flex-start">
        <SegmentedControl
          aria-label={text.mode}
          value={wish.mode}
          onChange={(mode) => onChange({ ...wish, mode: mode as AdoptFolder['mode'] })}
          data={(['register', 'copy', 'move'] as const).map((value) => ({
            value,
            label: text.modes[value],
          }))}
        />
        <Text size="sm" c="dimmed">
          {text.modeTexts[wish.mode]}
        </Text>
      </Stack>
      {wish.mode !== 'register' && folders.length > 1 ? (
        <Select
          label={text.folder}
          allowDeselect={false}
          value={wish.folder ?? standard ?? null}
          onChange={(folder) => onChange(folder === null ? rest : { ...rest, folder })}
          data={folders.map(({ path }) => path)}
        />
      ) : null}
      <Checkbox
        label={text.outside}
        checked={wish.outside === 'register'}
        onChange={(event) =>
          onChange({ ...wish, outside: event.currentTarget.checked ? 'register' : 'leave' })
        }
      />
      <Checkbox
        label={text.formats}
        checked={wish.recordFormats}
        onChange={(event) => onChange({ ...wish, recordFormats: event.currentTarget.checked })}
      />
    </Stack>
  );
}
