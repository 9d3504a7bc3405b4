import { Button, Group, Select, Stack, Text, TextInput } from '@mantine/core';
import { endpoints } from '@strata/contract';
import { useMutation, useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { isApiError } from '../../api/api-error.ts';
import { call } from '../../api/call.ts';
import { foldersQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { useTellBegun, waitForMade } from '../operations/use-tell-begun.ts';

/** What lies inside an image under a tag, and on which disk. */
export interface InsidePoint {
  readonly imageId: string;
  readonly tag: string;
  readonly disk: string;
}

interface ExtractDialogProps {
  /** What the restore point is called. */
  name: string;
  /** One of each disk. */
  points: readonly InsidePoint[];
  onClose: () => void;
}

/** An internal snapshot as a new image: also where its layer is frozen and cannot be reverted in place. */
export function ExtractDialog({ name: of, points, onClose }: ExtractDialogProps) {
  const { extract } = words.snapshots;
  const folders = useQuery(foldersQuery()).data?.items ?? [];
  const [index, setIndex] = useState(0);
  const [name, setName] = useState(of.slice(0, 100));
  const [folder, setFolder] = useState<string | null>(null);
  const point = points[index];
  const tell = useTellBegun();
  const start = useMutation({
    mutationFn: ({ imageId, tag }: InsidePoint) =>
      call(endpoints.extractImage, {
        params: { id: imageId },
        query: waitForMade,
        body: { tag, name: name.trim(), ...(folder === null ? {} : { folder }) },
      }),
    onSuccess: (operation) => {
      tell(operation);
      onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (point !== undefined && name.trim() !== '') start.mutate(point);
  };
  return (
    <Dialog onClose={onClose} title={extract.title(of)} size="34rem">
      <form onSubmit={submit}>
        <Stack gap="md">
          <Text size="sm">{extract.text}</Text>
          {points.length > 1 ? (
            <Select
              label={extract.disk}
              value={String(index)}
              onChange={(value) => setIndex(Number(value ?? 0))}
              data={points.map(({ disk }, at) => ({ value: String(at), label: disk }))}
            />
          ) : null}
          <TextInput
            label={extract.name}
            value={name}
            required
            maxLength={100}
            data-autofocus
            onChange={(event) => setName(event.currentTarget.value)}
            error={isApiError(start.error) ? start.error.fieldError('name') : undefined}
          />
          {folders.length > 1 ? (
            <Select
              label={words.copies.copy.folder}
              placeholder={words.copies.copy.beside}
              clearable
              value={folder}
              onChange={setFolder}
              data={folders.map(({ path }) => path)}
            />
          ) : null}
          <ErrorNotice error={start.error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {words.common.cancel}
            </Button>
            <Button type="submit" loading={start.isPending} disabled={name.trim() === ''}>
              {extract.submit}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
