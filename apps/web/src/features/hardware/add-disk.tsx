import { Button, Group, Radio, Stack } from '@mantine/core';
import { useState } from 'react';
import { words } from '../../lib/words.ts';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import { SizeInput } from '../../ui/size-input.tsx';
import type { DiskDraft } from '../vm-form/definition.ts';
import { ImageSelect, isDisk, isWritable } from '../vm-form/image-select.tsx';
import classes from './hardware-tab.module.css';

const defaultSize = 20 * 1024 ** 3;

interface AddDiskProps {
  /** Where the guest looks for disks. */
  bus: DiskDraft['bus'];
  onAdd: (disk: DiskDraft) => void;
  onCancel: () => void;
}

export function AddDisk({ bus, onAdd, onCancel }: AddDiskProps) {
  const text = words.hardware;
  const [source, setSource] = useState<'overlay' | 'image' | 'empty'>('overlay');
  const [imageId, setImageId] = useState<string | null>(null);
  const [size, setSize] = useState<number | null>(defaultSize);
  const missing =
    source === 'empty' ? (size === null ? text.badSize : null) : imageId === null ? text.chooseImage : null;
  const tuning = { bus, cache: 'writeback', discard: true } as const;
  const add = () => {
    if (source === 'empty' && size !== null) onAdd({ create: { format: 'qcow2', size }, ...tuning });
    else if (source === 'overlay' && imageId) onAdd({ overlayOf: imageId, ...tuning });
    else if (source === 'image' && imageId) onAdd({ imageId, ...tuning });
  };
  return (
    <div className={classes.row}>
      <Radio.Group
        label={text.disk.source}
        value={source}
        onChange={(value) => {
          setSource(value as typeof source);
          setImageId(null);
        }}
      >
        <Stack gap={6} mt={4}>
          <Radio value="overlay" label={text.disk.overlay} />
          <Radio value="empty" label={text.disk.empty} />
          <Radio value="image" label={text.disk.image} />
        </Stack>
      </Radio.Group>
      {source === 'empty' ? (
        <SizeInput label={text.size} value={size} onChange={setSize} />
      ) : (
        <ImageSelect
          label={text.image}
          value={imageId}
          onChange={setImageId}
          accept={source === 'image' ? isWritable : isDisk}
        />
      )}
      <Group gap="xs">
        <ReasonedButton size="xs" reason={missing} onClick={add}>
          {text.disk.add}
        </ReasonedButton>
        <Button size="xs" variant="default" onClick={onCancel}>
          {words.common.cancel}
        </Button>
      </Group>
    </div>
  );
}
