import { Button, Group, Select, Stack, Text } from '@mantine/core';
import type { Image } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { foldersQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { chainPlan } from '../plan/chain-plan.ts';
import { PlanDialog } from '../plan/plan-dialog.tsx';
import { FoldersDialog } from './folders-dialog.tsx';

interface MoveImageDialogProps {
  image: Image;
  onClose: () => void;
}

/** Another folder for the file of an image; live when a running VM writes it. */
export function MoveImageDialog({ image, onClose }: MoveImageDialogProps) {
  const here = image.path.slice(0, image.path.lastIndexOf('/'));
  const folders = useQuery(foldersQuery()).data?.items.map(({ path }) => path);
  if (folders === undefined) return null;
  const others = folders.filter((path) => path !== here);
  return others.length === 0 ? (
    <NoOtherFolder image={image} onClose={onClose} />
  ) : (
    <MoveForm image={image} here={here} folders={others} onClose={onClose} />
  );
}

function MoveForm({
  image,
  here,
  folders,
  onClose,
}: MoveImageDialogProps & { here: string; folders: string[] }) {
  const { move } = words.copies;
  const [chosen, setChosen] = useState<string | null>(null);
  // While the file is on its way it may leave the place that was “here”: what was shown stays.
  const [from] = useState(here);
  const folder = chosen ?? folders[0] ?? '';
  return (
    <PlanDialog
      title={move.title(image.name)}
      {...chainPlan({ operation: 'move', imageId: image.id, folder })}
      onClose={onClose}
    >
      <Stack gap="sm">
        <Text size="sm">
          {move.text} {move.from}: <code>{from}</code>
        </Text>
        <Select
          label={move.folder}
          value={folder}
          allowDeselect={false}
          onChange={(value) => setChosen(value)}
          data={folders}
        />
      </Stack>
    </PlanDialog>
  );
}

function NoOtherFolder({ image, onClose }: MoveImageDialogProps) {
  const { move } = words.copies;
  const [adding, setAdding] = useState(false);
  if (adding) return <FoldersDialog onClose={() => setAdding(false)} />;
  return (
    <Dialog onClose={onClose} title={move.title(image.name)} size="34rem">
      <Stack gap="md">
        <Text size="sm">{move.noFolder}</Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {words.common.cancel}
          </Button>
          <Button onClick={() => setAdding(true)} data-autofocus>
            {move.addFolder}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
