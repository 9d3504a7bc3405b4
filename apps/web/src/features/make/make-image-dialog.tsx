import { SegmentedControl, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { words } from '../../lib/words.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { FolderIsoForm } from './folder-iso-form.tsx';
import { SeedForm } from './seed-form.tsx';

type Kind = keyof typeof words.make.kinds;

/** A new image of the library, from files. */
export function MakeImageDialog({ onClose }: { onClose: () => void }) {
  const [kind, setKind] = useState<Kind>('folder');
  const { make } = words;
  return (
    <Dialog onClose={onClose} title={make.title} size="38rem">
      <Stack gap="sm">
        <SegmentedControl
          aria-label={make.of}
          value={kind}
          onChange={(chosen) => setKind(chosen as Kind)}
          data={(['folder', 'seed'] as const).map((value) => ({ value, label: make.kinds[value] }))}
        />
        <Text size="sm" c="dimmed">
          {make.texts[kind]}
        </Text>
        {kind === 'folder' ? <FolderIsoForm onClose={onClose} /> : <SeedForm onClose={onClose} />}
      </Stack>
    </Dialog>
  );
}
