import type { Image } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import { useCallback } from 'react';
import { imageNames } from '../lib/image-names.ts';
import { imagesQuery } from './queries.ts';

const names = ({ items }: { items: Image[] }) => imageNames(items);

/** Gives what an image is called beside all others of the library; one it does not know keeps its own name. */
export function useImageNames(): (image: { id: string; name: string }) => string {
  // The same object as long as no name changes: a guest's writes, which change images all the time, draw nothing anew.
  const { data } = useQuery({ ...imagesQuery(), select: names });
  return useCallback(({ id, name }) => data?.[id] ?? name, [data]);
}

/** The image with such names, also of what stands on it: for where images are drawn side by side. */
export function toldApart(image: Image, nameOf: (image: { id: string; name: string }) => string): Image {
  return {
    ...image,
    name: nameOf(image),
    usedBy: image.usedBy.map((use) => (use.kind === 'overlay' ? { ...use, name: nameOf(use) } : use)),
  };
}
