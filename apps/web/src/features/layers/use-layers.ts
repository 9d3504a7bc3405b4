import { useComputedColorScheme } from '@mantine/core';
import type { Image } from '@strata/contract';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { forestQuery, imageChainQuery, imageMapQuery } from '../../api/queries.ts';
import { toldApart, useImageNames } from '../../api/use-image-names.ts';
import { layerModels } from './layer-model.ts';
import { movingMap } from './moving-map.ts';
import { rememberedColours } from './remembered-colours.ts';
import { useChainWork } from './use-chain-work.ts';
import type { DiskRange } from './zoom.ts';

/** As many columns as the strips have pixels, in steps, so that a window that is pulled wider seldom asks again. */
const columnsOnScreen = (): number =>
  Math.min(2048, Math.max(256, Math.ceil((window.innerWidth * window.devicePixelRatio) / 2 / 256) * 256));

/** All that the view of one chain draws, kept true by the event stream. */
export function useLayers(tipId: string, range: DiskRange | null) {
  // After a merge of the active layer the tip is another image: the old drawing stands until the new one is there.
  const chain = useQuery({ ...imageChainQuery(tipId), placeholderData: keepPreviousData });
  // While one looks closer, the drawing there is stands, only larger, until the finer one is there.
  const wish = { ...range, columns: columnsOnScreen() };
  const asRead = useQuery({ ...imageMapQuery(tipId, wish), placeholderData: keepPreviousData });
  const forest = useQuery(forestQuery());
  const layers = chain.data?.layers;
  const ids = useMemo(() => layers?.map(({ id }) => id) ?? [], [layers]);
  const work = useChainWork(ids);
  const map = useMemo(
    () => asRead.data && work.reduce((moving, { operation }) => movingMap(moving, operation), asRead.data),
    [asRead.data, work],
  );
  const scheme = useComputedColorScheme('dark');
  const nameOf = useImageNames();
  const models = useMemo(() => {
    if (chain.data === undefined) return [];
    const colours = rememberedColours(chain.data.layers.map(({ id }) => id));
    const named = { ...chain.data, layers: chain.data.layers.map((image) => toldApart(image, nameOf)) };
    return layerModels({ chain: named, map, colours, scheme });
  }, [chain.data, map, scheme, nameOf]);
  const images = useMemo(
    () => new Map<string, Image>(forest.data?.images.map((image) => [image.id, toldApart(image, nameOf)])),
    [forest.data, nameOf],
  );
  return { chain, map, mapError: asRead.error, models, images, work };
}
