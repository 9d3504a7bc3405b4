import { Button, Group, Select, Stack, Text } from '@mantine/core';
import { endpoints, type Image, type ImportImage } from '@strata/contract';
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
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (path.trim() !== '') take.mutate();
  };
  return (
    <Dialog onClose={onClose} title={register.title} size="34rem">
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Text size="sm" c="dimmed">
            {register.texts[mode]}
          </Text>
          <PathField
            label={register.path}
            kind="file"
            required
            focused
            value={path}
            onChange={setPath}
            error={isApiError(take.error) ? take.error.fieldError('path') : undefined}
          />
          <Select
            label={register.mode}
            value={mode}
            onChange={(value) => setMode((value ?? 'register') as ImportImage['mode'])}
            data={(['register', 'copy', 'move'] as const).map((value) => ({
              value,
              label: register.modes[value],
            }))}
          />
          <ErrorNotice error={take.error} />
          <ReserveChoice error={take.error} checked={useReserve} onChange={setUseReserve} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {words.common.cancel}
            </Button>
            <Button type="submit" loading={take.isPending} disabled={path.trim() === ''}>
              {register.submit}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
