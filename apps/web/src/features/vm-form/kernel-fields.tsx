import { Stack, Textarea, TextInput } from '@mantine/core';
import type { CreateVm } from '@strata/contract';
import { words } from '../../lib/words.ts';

type Kernel = NonNullable<CreateVm['kernel']>;

interface KernelFieldsProps {
  value: Kernel;
  onChange: (kernel: Kernel) => void;
  error?: ((path: string) => string | undefined) | undefined;
}

export function KernelFields({ value, onChange, error }: KernelFieldsProps) {
  const text = words.hardware.kernel;
  return (
    <Stack gap="xs">
      <TextInput
        label={text.path}
        description={text.pathHint}
        placeholder="/boot/vmlinuz"
        value={value.path}
        error={error?.('kernel.path')}
        onChange={(event) => onChange({ ...value, path: event.currentTarget.value })}
      />
      <TextInput
        label={text.initrd}
        placeholder="/boot/initrd.img"
        value={value.initrd ?? ''}
        error={error?.('kernel.initrd')}
        onChange={(event) => {
          const { initrd: _, ...rest } = value;
          const next = event.currentTarget.value;
          onChange(next ? { ...rest, initrd: next } : rest);
        }}
      />
      <Textarea
        label={text.append}
        placeholder="console=ttyS0"
        autosize
        value={value.append}
        error={error?.('kernel.append')}
        onChange={(event) =>
          onChange({ ...value, append: event.currentTarget.value.replace(/\s*\n\s*/g, ' ') })
        }
      />
    </Stack>
  );
}
