import type { Image } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { imagesQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { type Break, breakOf } from './broken-chain.ts';

const byId = ({ items }: { items: Image[] }) => new Map(items.map((image) => [image.id, image]));

/** Where the chain below an image breaks, if it does. */
export function useBreak(image: Image): Break | null {
  const images = useQuery({ ...imagesQuery(), select: byId }).data;
  return useMemo(() => (images === undefined ? null : breakOf(image, images)), [image, images]);
}

/** Why nothing can be put on top of it, nor be done with what it holds; null: its chain is whole. */
export function breakRefusal(found: Break | null): string | null {
  if (found === null) return null;
  const { brokenChain } = words.library;
  return found.missing === null ? brokenChain.cycle : brokenChain.missing(found.missing);
}
