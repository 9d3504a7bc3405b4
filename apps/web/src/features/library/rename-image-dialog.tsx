import { Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core';
import { endpoints, type Image } from '@strata/contract';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { isApiError } from '../../api/api-error.ts';
import { call } from '../../api/call.ts';
import { words } from '../../lib/words.ts';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { notifyDone } from '../../ui/notify.tsx';

/** Another name for the file, with every link to it. */
export function RenameImageDialog({ image, onClose }: { image: Image; onClose: () => void }) {
  const { rename, started } = words.copies;
  const [name, setName] = useState(image.name);
  const renamed = name.trim() !== '' && name.trim() !== image.name;
  const work = useMutation({
    mutationFn: () =>
      call(endpoints.renameImage, {
        params: { id: image.id },
        body: { name: name.trim() },
      }),
    onSuccess: (operation) => {
      notifyDone(started(operation.title));
      onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (renamed) work.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={rename.title(image.name)} size="34rem">
      <form onSubmit={submit}>
        <Stack gap="md">
          <Text size="sm">{rename.text}</Text>
          <Text size="sm" c="dimmed">
            {rename.where}: <code>{image.path}</code>
            {image.overlays.length > 0 ? (
              <>
                <br />
                {rename.overlays(image.overlays.length)}
              </>
            ) : null}
          </Text>
          <TextInput
            label={rename.name}
            description={rename.nameHint}
            value={name}
            maxLength={100}
            data-autofocus
            onChange={(event) => setName(event.currentTarget.value)}
            error={isApiError(work.error) ? work.error.fieldError('name') : undefined}
          />
          <ErrorNotice error={work.error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {words.common.cancel}
            </Button>
            <Button type="submit" loading={work.isPending} disabled={!renamed}>
              {rename.submit}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
