import { Button, Group, Select, Stack, Text } from '@mantine/core';
import { archiveName, endpoints, type Image, type ImportImage } from '@strata/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { isApiError } from '../../api/api-error.ts';
import { call } from '../../api/call.ts';
import { keys } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { notifyDone } from '../../ui/notify.tsx';
import { PathField } from '../../ui/path-field.tsx';
import { ReserveChoice } from '../../ui/reserve-choice.tsx';

interface RegisterImageDialogProps {
  onClose: () => void;
  onRegistered?: (image: Image) => void;
}

export function RegisterImageDialog({ onClose, onRegistered }: RegisterImageDialogProps) {
  const client = useQueryClient();
  const [path, setPath] = useState('');
  const [mode, setMode] = useState<ImportImage['mode']>('register');
  const { register } = words.library;
  const [useReserve, setUseReserve] = useState(false);
  const take = useMutation({
    mutationFn: () =>
      call(endpoints.importImage, {
        body: { path: path.trim(), mode, ...(useReserve ? { useReserve } : {}) },
      }),
    onSuccess: async (image) => {
      notifyDone(register.done(image.name));
      onClose();
      await client.invalidateQueries({ queryKey: keys.images });
      onRegistered?.(image);
    },
  });
  const isArchive = archiveName.test(path.trim());
  const unpack = useMutation({
    mutationFn: () =>
      call(endpoints.unpackImage, { body: { path: path.trim(), ...(useReserve ? { useReserve } : {}) } }),
    onSuccess: () => {
      notifyDone(register.unpacking);
      onClose();
    },
  });
  const work = isArchive ? unpack : take;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (path.trim() !== '') work.mutate();
  };
  return (
    <Dialog onClose={onClose} title={register.title} size="34rem">
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Text size="sm" c="dimmed">
            {isArchive ? register.archive : register.texts[mode]}
          </Text>
          <PathField
            label={register.path}
            kind="file"
            required
            focused
            value={path}
            onChange={setPath}
            error={isApiError(work.error) ? work.error.fieldError('path') : undefined}
          />
          {isArchive ? null : (
            <Select
              label={register.mode}
              value={mode}
              onChange={(value) => setMode((value ?? 'register') as ImportImage['mode'])}
              data={(['register', 'copy', 'move'] as const).map((value) => ({
                value,
                label: register.modes[value],
              }))}
            />
          )}
          <ErrorNotice error={work.error} />
          <ReserveChoice error={work.error} checked={useReserve} onChange={setUseReserve} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {words.common.cancel}
            </Button>
            <Button type="submit" loading={work.isPending} disabled={path.trim() === ''}>
              {isArchive ? register.unpack : register.submit}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
