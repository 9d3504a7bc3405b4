import { Alert, Button, Group, Modal, Select, Stack, Text, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import {
  type ConvertForecast,
  type ConvertImageInput,
  convertForecast,
  endpoints,
  type Image,
} from '@strata/contract';
import { IconAlertTriangle } from '@tabler/icons-react';
import { keepPreviousData, useMutation, useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { isApiError } from '../../api/api-error.ts';
import { call } from '../../api/call.ts';
import { foldersQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { notifyDone } from '../../ui/notify.tsx';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import { ReserveChoice } from '../../ui/reserve-choice.tsx';
import { ConvertFormFields } from './convert-fields.tsx';
import { formOf, initialFields } from './convert-form.ts';

/** A forecast reads the tables of the whole chain: not at every click. */
const restMs = 350;

const useForecast = (image: Image, wish: Omit<ConvertImageInput, 'name'>) => {
  const [settled] = useDebouncedValue(JSON.stringify(wish), restMs);
  return useQuery({
    queryKey: ['convert-forecast', image.id, image.modifiedAt, settled],
    placeholderData: keepPreviousData,
    gcTime: 0,
    queryFn: async ({ signal }) => {
      const asked = JSON.parse(settled) as typeof wish;
      // Nothing is made, so that the name is nobody's yet.
      const body = { ...asked, name: 'forecast', plan: true as const };
      return convertForecast.parse(
        await call(endpoints.convertImage, { params: { id: image.id }, body, signal }),
      );
    },
  });
};

/** All that an image shows, as a new image of another format; what that takes is shown before. */
export function ConvertDialog({ image, onClose }: { image: Image; onClose: () => void }) {
  const { convert } = words.imageChanges;
  const folders = useQuery(foldersQuery()).data?.items ?? [];
  const [fields, setFields] = useState(initialFields);
  const [name, setName] = useState(image.name.replace(/\.[a-z0-9]{1,5}$/i, '').slice(0, 100));
  const [folder, setFolder] = useState<string | null>(null);
  const [useReserve, setUseReserve] = useState(false);
  const wish = {
    ...formOf(fields),
    ...(folder === null ? {} : { folder }),
    ...(useReserve ? { useReserve } : {}),
  };
  const forecast = useForecast(image, wish);
  const make = useMutation({
    mutationFn: () =>
      call(endpoints.convertImage, { params: { id: image.id }, body: { ...wish, name: name.trim() } }),
    onSuccess: (operation) => {
      if ('title' in operation) notifyDone(words.copies.started(operation.title));
      onClose();
    },
  });
  // A full disk is for the server to refuse, which then offers the reserve.
  const hindered = forecast.data?.blockers.some(({ code }) => code !== 'disk-full') === true;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() !== '' && !hindered) make.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={convert.title(image.name)} size="38rem">
      <form onSubmit={submit}>
        <Stack gap="md">
          <Text size="sm">{convert.text}</Text>
          <ConvertFormFields
            fields={fields}
            onChange={(change) => setFields((before) => ({ ...before, ...change }))}
          />
          <TextInput
            label={convert.name}
            value={name}
            required
            maxLength={100}
            onChange={(event) => setName(event.currentTarget.value)}
            error={isApiError(make.error) ? make.error.fieldError('name') : undefined}
          />
          {folders.length > 1 ? (
            <Select
              label={convert.folder}
              placeholder={convert.beside}
              clearable
              value={folder}
              onChange={setFolder}
              data={folders.map(({ path }) => path)}
            />
          ) : null}
          <Forecast forecast={forecast.data} />
          <ErrorNotice error={make.error ?? forecast.error} />
          <ReserveChoice error={make.error} checked={useReserve} onChange={setUseReserve} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {words.common.cancel}
            </Button>
            <ReasonedButton
              type="submit"
              loading={make.isPending}
              reason={hindered ? convert.blocked : name.trim() === '' ? convert.name : null}
            >
              {convert.submit}
            </ReasonedButton>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function Forecast({ forecast }: { forecast: ConvertForecast | undefined }) {
  const { convert } = words.imageChanges;
  if (forecast === undefined)
    return (
      <Text size="sm" c="dimmed">
        {convert.measuring}
      </Text>
    );
  const { required, fullyAllocated, free, folder, notes, blockers } = forecast;
  const measured = required > 0 ? [convert.takes(required, fullyAllocated)] : [];
  const lines = [
    ...measured,
    ...(free === null ? [] : [convert.free(free, folder)]),
    ...notes,
    convert.verified,
  ];
  return (
    <div aria-live="polite">
      {blockers.map(({ code, message }) => (
        <Alert
          key={code}
          color="red"
          icon={<IconAlertTriangle size={18} aria-hidden />}
          title={convert.blocked}
        >
          {message}
        </Alert>
      ))}
      <Stack gap={2}>
        {lines.map((line) => (
          <Text key={line} size="sm" c="dimmed">
            {line}
          </Text>
        ))}
      </Stack>
    </div>
  );
}
