import { useComputedColorScheme } from '@mantine/core';
import type { Image } from '@strata/contract';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { forestQuery, imageChainQuery, imageMapQuery } from '../../api/queries.ts';
import { toldApart, useImageNames } from '../../api/use-image-names.ts';
import { layerModels } from './layer-model.ts';
import { rememberedColours } from './remembered-colours.ts';

/** Finer than any screen is wide, so that the drawing is limited by pixels and not by the answer. */
const resolution = 4000;

/** All that the view of one chain draws, kept true by the event stream. */
export function useLayers(tipId: string) {
  // After a merge of the active layer the tip is another image: the old drawing stands until the new one is there.
  const chain = useQuery({ ...imageChainQuery(tipId), placeholderData: keepPreviousData });
  const map = useQuery({ ...imageMapQuery(tipId, resolution), placeholderData: keepPreviousData });
  const forest = useQuery(forestQuery());
  const scheme = useComputedColorScheme('dark');
  const nameOf = useImageNames();
  const models = useMemo(() => {
    if (chain.data === undefined) return [];
    const colours = rememberedColours(chain.data.layers.map(({ id }) => id));
    const named = { ...chain.data, layers: chain.data.layers.map((image) => toldApart(image, nameOf)) };
    return layerModels({ chain: named, map: map.data, colours, scheme });
  }, [chain.data, map.data, scheme, nameOf]);
  const images = useMemo(
    () => new Map<string, Image>(forest.data?.images.map((image) => [image.id, toldApart(image, nameOf)])),
    [forest.data, nameOf],
  );
  return { chain, map, models, images };
}
