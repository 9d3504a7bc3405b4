import { Button, Group, Modal, Radio, Select, Stack, Text, TextInput } from '@mantine/core';
import { type CopyImage, endpoints, type Image } from '@strata/contract';
import { useMutation, useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { isApiError } from '../../api/api-error.ts';
import { call } from '../../api/call.ts';
import { foldersQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { ReserveChoice } from '../../ui/reserve-choice.tsx';
import { useTellBegun, waitForMade } from '../operations/use-tell-begun.ts';

/** A full copy of an image: of what it shows, or of its file alone. */
export function CopyImageDialog({ image, onClose }: { image: Image; onClose: () => void }) {
  const { copy } = words.copies;
  const folders = useQuery(foldersQuery()).data?.items ?? [];
  const [name, setName] = useState(copy.suggestion(image.name).slice(0, 100));
  const [folder, setFolder] = useState<string | null>(null);
  const [what, setWhat] = useState<CopyImage['what']>('content');
  const [useReserve, setUseReserve] = useState(false);
  const tell = useTellBegun();
  const make = useMutation({
    mutationFn: () =>
      call(endpoints.copyImage, {
        params: { id: image.id },
        query: waitForMade,
        body: {
          name: name.trim(),
          what,
          ...(folder === null ? {} : { folder }),
          ...(useReserve ? { useReserve } : {}),
        },
      }),
    onSuccess: (operation) => {
      tell(operation);
      onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() !== '') make.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={copy.title(image.name)} size="34rem">
      <form onSubmit={submit}>
        <Stack gap="md">
          <TextInput
            label={copy.name}
            value={name}
            required
            maxLength={100}
            data-autofocus
            onChange={(event) => setName(event.currentTarget.value)}
            error={isApiError(make.error) ? make.error.fieldError('name') : undefined}
          />
          {image.backing === undefined ? (
            <Text size="sm">{copy.alone}</Text>
          ) : (
            <Radio.Group
              label={copy.what}
              value={what}
              onChange={(value) => setWhat(value as CopyImage['what'])}
            >
              <Stack gap="xs" mt={6}>
                <Radio value="content" label={copy.whats.content} />
                <Radio value="file" label={copy.whats.file} />
              </Stack>
            </Radio.Group>
          )}
          {folders.length > 1 ? (
            <Select
              label={copy.folder}
              placeholder={copy.beside}
              clearable
              value={folder}
              onChange={setFolder}
              data={folders.map(({ path }) => path)}
            />
          ) : null}
          <Text size="sm" c="dimmed">
            {copy.verified}
          </Text>
          <ErrorNotice error={make.error} />
          <ReserveChoice error={make.error} checked={useReserve} onChange={setUseReserve} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {words.common.cancel}
            </Button>
            <Button type="submit" loading={make.isPending} disabled={name.trim() === ''}>
              {copy.submit}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
