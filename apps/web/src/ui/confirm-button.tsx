import { Button, Group } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { words } from '../lib/words.ts';
import { Dialog } from './dialog.tsx';
import { ReasonedButton, type ReasonedButtonProps } from './reasoned-button.tsx';

interface ConfirmDialogProps {
  opened: boolean;
  onClose: () => void;
  title: string;
  /** What will happen and what is lost. */
  children: ReactNode;
  confirmLabel: string;
  /** Where "Cancel" would read as the thing asked about. */
  cancelLabel?: string;
  danger?: boolean;
  pending?: boolean;
  onConfirm: () => void;
}

export function ConfirmDialog({
  opened,
  onClose,
  title,
  children,
  confirmLabel,
  cancelLabel = words.common.cancel,
  danger = false,
  pending = false,
  onConfirm,
}: ConfirmDialogProps) {
  if (!opened) return null;
  return (
    <Dialog onClose={onClose} title={title}>
      {children}
      <Group justify="flex-end" mt="lg">
        <Button variant="default" onClick={onClose} data-autofocus>
          {cancelLabel}
        </Button>
        <Button color={danger ? 'red' : 'amber'} loading={pending} onClick={onConfirm}>
          {confirmLabel}
        </Button>
      </Group>
    </Dialog>
  );
}

interface ConfirmButtonProps extends Omit<ReasonedButtonProps, 'onClick' | 'title'> {
  title: string;
  question: ReactNode;
  confirmLabel: string;
  danger?: boolean;
  onConfirm: () => void;
}

/** A button that asks first. */
export function ConfirmButton({
  title,
  question,
  confirmLabel,
  danger = true,
  onConfirm,
  ...button
}: ConfirmButtonProps) {
  const [opened, setOpened] = useState(false);
  return (
    <>
      <ReasonedButton {...button} onClick={() => setOpened(true)} />
      <ConfirmDialog
        opened={opened}
        onClose={() => setOpened(false)}
        title={title}
        confirmLabel={confirmLabel}
        danger={danger}
        onConfirm={() => {
          setOpened(false);
          onConfirm();
        }}
      >
        {question}
      </ConfirmDialog>
    </>
  );
}
