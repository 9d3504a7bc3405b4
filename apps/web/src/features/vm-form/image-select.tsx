import { Select, type SelectProps } from '@mantine/core';
import type { Image } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import { imagesQuery } from '../../api/queries.ts';
import { useImageNames } from '../../api/use-image-names.ts';
import { formatBytes } from '../../lib/format.ts';
import { words } from '../../lib/words.ts';

interface ImageSelectProps extends Omit<SelectProps, 'data' | 'value' | 'onChange' | 'accept'> {
  value: string | null;
  onChange: (imageId: string | null) => void;
  /** Which images can be meant here. */
  accept: (image: Image) => boolean;
}

export const isMedium = (image: Image): boolean => image.format === 'iso' || image.role === 'media';
export const isDisk = (image: Image): boolean => !isMedium(image);
/** A VM may write into it: nothing stands on it, and Strata writes its format. */
export const isWritable = (image: Image): boolean =>
  isDisk(image) && ['qcow2', 'raw'].includes(image.format) && image.usedBy.length === 0;

export function ImageSelect({ value, onChange, accept, ...props }: ImageSelectProps) {
  const images = useQuery(imagesQuery()).data?.items ?? [];
  const nameOf = useImageNames();
  const data = images
    .filter((image) => image.present && accept(image))
    .sort((a, b) => a.name.localeCompare(b.name))
    .map((image) => ({
      value: image.id,
      label: `${nameOf(image)} · ${image.format} · ${formatBytes(image.virtualSize)}`,
    }));
  return (
    <Select
      searchable
      placeholder={words.hardware.chooseImage}
      nothingFoundMessage={words.hardware.noImages}
      maxDropdownHeight={300}
      {...props}
      data={data}
      value={value}
      onChange={onChange}
    />
  );
}
