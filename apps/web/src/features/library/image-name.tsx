import { ActionIcon, Button, TextInput } from '@mantine/core';
import { endpoints, type Image } from '@strata/contract';
import { IconPencil } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { call } from '../../api/call.ts';
import { keys } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { notifyError } from '../../ui/notify.tsx';
import classes from './image-detail.module.css';

/** The shown name, and changing it in place. The file keeps its own name. */
export function ImageName({ image }: { image: Image }) {
  const client = useQueryClient();
  const [name, setName] = useState<string | null>(null);
  const rename = useMutation({
    mutationFn: (wanted: string) =>
      call(endpoints.patchImage, { params: { id: image.id }, body: { name: wanted } }),
    onSuccess: async () => {
      setName(null);
      await client.invalidateQueries({ queryKey: keys.images });
    },
    onError: notifyError,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name !== null && name.trim() !== '') rename.mutate(name.trim());
  };
  if (name === null)
    return (
      <div className={classes.name}>
        <h2>{image.name}</h2>
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label={words.library.detail.rename}
          onClick={() => setName(image.name)}
        >
          <IconPencil size={16} aria-hidden />
        </ActionIcon>
      </div>
    );
  return (
    <div className={classes.name}>
      <form onSubmit={submit}>
        <TextInput
          style={{ flex: 1 }}
          aria-label={words.library.create.name}
          value={name}
          maxLength={100}
          data-autofocus
          onChange={(event) => setName(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Escape') return;
            event.stopPropagation();
            setName(null);
          }}
        />
        <Button type="submit" loading={rename.isPending}>
          {words.common.save}
        </Button>
      </form>
    </div>
  );
}
