import { Stack } from '@mantine/core';
import type { Image } from '@strata/contract';
import { visibleName } from '../../lib/visible-text.ts';
import { words } from '../../lib/words.ts';
import { ConfirmDialog } from '../../ui/confirm-button.tsx';

interface ChangeDialogProps {
  image: Image;
  onClose: () => void;
  onConfirm: () => void;
}

/** Before a layer is opened for writing: what that means. */
export function ChangeDialog({ image, onClose, onConfirm }: ChangeDialogProps) {
  const { change } = words.inside;
  return (
    <ConfirmDialog
      opened
      danger
      title={change.title(visibleName(image.name))}
      confirmLabel={change.submit}
      onClose={onClose}
      onConfirm={onConfirm}
    >
      <Stack gap="sm">
        <p>{change.text}</p>
        <ul>
          {change.points.map((point) => (
            <li key={point}>{point}</li>
          ))}
        </ul>
      </Stack>
    </ConfirmDialog>
  );
}
