import { Button, Group, Select, Stack, Text } from '@mantine/core';
import { endpoints, type Image } from '@strata/contract';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { foldersQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import { useTellBegun, waitForMade } from '../operations/use-tell-begun.ts';

interface MoveImagesDialogProps {
  images: readonly Pick<Image, 'id' | 'path'>[];
  onClose: () => void;
}

const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/'));

/** Another folder for the files of several images. */
export function MoveImagesDialog({ images, onClose }: MoveImagesDialogProps) {
  const { many } = words;
  const [chosen, setChosen] = useState<string | null>(null);
  const here = new Set(images.map(({ path }) => folderOf(path)));
  const folders = useQuery(foldersQuery()).data?.items.map(({ path }) => path) ?? [];
  // Where all of them lie already there is nothing to be moved to.
  const places = folders.filter((path) => here.size > 1 || !here.has(path));
  const folder = chosen ?? places[0] ?? null;
  const tell = useTellBegun();
  const move = useMutation({
    mutationFn: () =>
      call(endpoints.moveImages, {
        body: { images: images.map(({ id }) => id), folder: folder ?? '' },
        query: waitForMade,
      }),
    onSuccess: (operation) => {
      tell(operation);
      onClose();
    },
  });
  return (
    <Dialog onClose={onClose} title={many.moveTitle(images.length)} size="34rem">
      <Stack gap="md">
        <Text size="sm">{places.length === 0 ? many.noFolder : many.moveText}</Text>
        {places.length === 0 ? null : (
          <Select
            label={many.moveFolder}
            value={folder}
            allowDeselect={false}
            onChange={setChosen}
            data={places}
          />
        )}
        <ErrorNotice error={move.error} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>
            {words.common.cancel}
          </Button>
          <ReasonedButton
            reason={folder === null ? many.noFolder : null}
            loading={move.isPending}
            onClick={() => move.mutate()}
          >
            {many.moveSubmit}
          </ReasonedButton>
        </Group>
      </Stack>
    </Dialog>
  );
}
