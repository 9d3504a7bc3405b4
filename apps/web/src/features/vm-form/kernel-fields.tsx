import { Stack, Textarea } from '@mantine/core';
import type { CreateVm } from '@strata/contract';
import { words } from '../../lib/words.ts';
import { PathField } from '../../ui/path-field.tsx';

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
      <PathField
        label={text.path}
        kind="file"
        placeholder="/boot/vmlinuz"
        value={value.path}
        error={error?.('kernel.path')}
        onChange={(path) => onChange({ ...value, path })}
        required
      />
      <PathField
        label={text.initrd}
        kind="file"
        placeholder="/boot/initrd.img"
        value={value.initrd ?? ''}
        error={error?.('kernel.initrd')}
        onChange={(initrd) => {
          const { initrd: _, ...rest } = value;
          onChange(initrd ? { ...rest, initrd } : rest);
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
