import { SegmentedControl, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { words } from '../../lib/words.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { FloppyForm } from './floppy-form.tsx';
import { FolderIsoForm } from './folder-iso-form.tsx';
import { SeedForm } from './seed-form.tsx';

type Kind = keyof typeof words.make.kinds;

const forms = { folder: FolderIsoForm, floppy: FloppyForm, seed: SeedForm };

/** A new image of the library, from files. */
export function MakeImageDialog({ onClose }: { onClose: () => void }) {
  const [kind, setKind] = useState<Kind>('folder');
  const { make } = words;
  const Form = forms[kind];
  return (
    <Dialog onClose={onClose} title={make.title} size="38rem">
      <Stack gap="sm">
        <SegmentedControl
          aria-label={make.of}
          value={kind}
          onChange={(chosen) => setKind(chosen as Kind)}
          data={(['folder', 'floppy', 'seed'] as const).map((value) => ({ value, label: make.kinds[value] }))}
        />
        <Text size="sm" c="dimmed">
          {make.texts[kind]}
        </Text>
        <Form onClose={onClose} />
      </Stack>
    </Dialog>
  );
}
