import { Radio, Stack, Text } from '@mantine/core';
import type { Upload } from '@strata/contract';
import { useState } from 'react';
import { words } from '../../lib/words.ts';
import { Dialog } from '../../ui/dialog.tsx';
import classes from './make.module.css';
import { makeKinds } from './make-kinds.ts';
import { usePickedFiles } from './use-files-source.ts';

interface MakeImageDialogProps {
  onClose: () => void;
  /** Files that were sent before and wait. */
  sent?: Upload | null;
}

/** A new image of the library, from something that is no image yet. */
export function MakeImageDialog({ onClose, sent = null }: MakeImageDialogProps) {
  const [key, setKey] = useState(makeKinds[0].key);
  const picked = usePickedFiles();
  const kinds = makeKinds.filter(({ ofFiles }) => ofFiles || sent === null);
  const { Form, text } = makeKinds.find((kind) => kind.key === key) ?? makeKinds[0];
  return (
    <Dialog onClose={onClose} title={words.make.title} size="38rem">
      <Stack gap="sm">
        <Radio.Group aria-label={words.make.of} value={key} onChange={setKey}>
          <div className={classes.kinds}>
            {kinds.map(({ key: value, label }) => (
              <Radio.Card key={value} value={value} className={classes.kind} radius="md">
                <Radio.Indicator size="xs" />
                <span>{label}</span>
              </Radio.Card>
            ))}
          </div>
        </Radio.Group>
        <Text size="sm" c="dimmed">
          {text}
        </Text>
        <Form key={key} onClose={onClose} sent={sent} picked={picked} />
      </Stack>
    </Dialog>
  );
}
