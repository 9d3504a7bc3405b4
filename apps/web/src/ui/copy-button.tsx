import { ActionIcon, Button, Tooltip } from '@mantine/core';
import { useClipboard } from '@mantine/hooks';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { words } from '../lib/words.ts';

interface CopyButtonProps {
  text: string;
  label?: string;
  compact?: boolean;
}

export function CopyButton({ text, label = words.common.copy, compact = false }: CopyButtonProps) {
  const clipboard = useClipboard({ timeout: 1500 });
  const icon = clipboard.copied ? <IconCheck size={15} aria-hidden /> : <IconCopy size={15} aria-hidden />;
  const shown = clipboard.copied ? words.common.copied : label;
  if (compact)
    return (
      <Tooltip label={shown}>
        <ActionIcon variant="subtle" color="gray" aria-label={shown} onClick={() => clipboard.copy(text)}>
          {icon}
        </ActionIcon>
      </Tooltip>
    );
  return (
    <Button size="xs" variant="default" leftSection={icon} onClick={() => clipboard.copy(text)}>
      {shown}
    </Button>
  );
}
