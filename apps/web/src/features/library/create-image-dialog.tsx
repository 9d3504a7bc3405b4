import { Button, Group, Modal, Select, Stack, Text, TextInput } from '@mantine/core';
import { type CreateImage, endpoints, type Image } from '@strata/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { isApiError } from '../../api/api-error.ts';
import { call } from '../../api/call.ts';
import { foldersQuery, keys } from '../../api/queries.ts';
import { parseSize } from '../../lib/format.ts';
import { words } from '../../lib/words.ts';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { notifyDone } from '../../ui/notify.tsx';
import { ReserveChoice } from '../../ui/reserve-choice.tsx';
import { PromiseNote } from './promise-note.tsx';

interface CreateImageDialogProps {
  opened: boolean;
  onClose: () => void;
  /** Given: an overlay on this image, of its size. */
  backing?: Image;
}

export function CreateImageDialog({ opened, onClose, backing }: CreateImageDialogProps) {
  const { create } = words.library;
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={backing ? create.overlayTitle : create.title}
      size="32rem"
    >
      <CreateImageForm onClose={onClose} {...(backing ? { backing } : {})} />
    </Modal>
  );
}

function CreateImageForm({ onClose, backing }: Omit<CreateImageDialogProps, 'opened'>) {
  const client = useQueryClient();
  const folders = useQuery(foldersQuery()).data?.items ?? [];
  const [name, setName] = useState('');
  const [size, setSize] = useState('20G');
  const [format, setFormat] = useState<CreateImage['format']>('qcow2');
  const [folder, setFolder] = useState<string | null>(null);
  const [preallocation, setPreallocation] = useState<CreateImage['preallocation']>('off');
  const { create } = words.library;
  const bytes = parseSize(size);
  const [useReserve, setUseReserve] = useState(false);
  const make = useMutation({
    mutationFn: () =>
      call(endpoints.createImage, {
        body: {
          name,
          format: backing ? 'qcow2' : format,
          ...(backing ? { backing: backing.id } : { size: bytes ?? 0, preallocation }),
          ...(folder === null ? {} : { folder }),
          ...(useReserve ? { useReserve } : {}),
        },
      }),
    onSuccess: async (image) => {
      notifyDone(create.done(image.name));
      onClose();
      await client.invalidateQueries({ queryKey: keys.images });
    },
  });
  const ready = name.trim() !== '' && (backing !== undefined || bytes !== null);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (ready) make.mutate();
  };
  const fieldError = (path: string) => (isApiError(make.error) ? make.error.fieldError(path) : undefined);
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        {backing ? (
          <div>
            <Text size="sm" fw={600}>
              {create.backing}: {backing.name} · {create.sizeOverlay(backing.virtualSize)}
            </Text>
            <Text size="sm" c="dimmed">
              {create.backingText}
            </Text>
          </div>
        ) : null}
        <TextInput
          label={create.name}
          value={name}
          required
          maxLength={100}
          data-autofocus
          onChange={(event) => setName(event.currentTarget.value)}
          error={fieldError('name')}
        />
        {backing ? null : (
          <>
            <TextInput
              label={create.size}
              description={create.sizeHint}
              value={size}
              required
              onChange={(event) => setSize(event.currentTarget.value)}
              error={bytes === null ? create.sizeWrong : fieldError('size')}
            />
            <Select
              label={create.format}
              value={format}
              onChange={(value) => {
                setFormat((value ?? 'qcow2') as CreateImage['format']);
                setPreallocation('off');
              }}
              data={(['qcow2', 'raw'] as const).map((value) => ({ value, label: create.formats[value] }))}
            />
            <Select
              label={create.preallocation}
              value={preallocation}
              onChange={(value) => setPreallocation((value ?? 'off') as CreateImage['preallocation'])}
              data={(format === 'raw'
                ? (['off', 'falloc', 'full'] as const)
                : (['off', 'metadata', 'falloc', 'full'] as const)
              ).map((value) => ({ value, label: create.preallocations[value] }))}
            />
          </>
        )}
        {folders.length > 1 ? (
          <Select
            label={create.folder}
            value={folder ?? folders.find((each) => each.default)?.path ?? null}
            onChange={setFolder}
            data={folders.map(({ path }) => path)}
          />
        ) : null}
        <PromiseNote
          bytes={backing?.virtualSize ?? bytes ?? 0}
          folder={folder ?? folders.find((each) => each.default)?.path}
        />
        <ErrorNotice error={make.error} />
        <ReserveChoice error={make.error} checked={useReserve} onChange={setUseReserve} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {words.common.cancel}
          </Button>
          <Button type="submit" loading={make.isPending} disabled={!ready}>
            {create.submit}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
