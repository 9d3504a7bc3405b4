import { useComputedColorScheme } from '@mantine/core';
import type { Image } from '@strata/contract';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { isGoneImage } from '../../api/apply-event.ts';
import { forestQuery, imageChainQuery, imageMapQuery } from '../../api/queries.ts';
import { toldApart, useImageNames } from '../../api/use-image-names.ts';
import { layerModels } from './layer-model.ts';
import { movingMap } from './moving-map.ts';
import { rememberedColours } from './remembered-colours.ts';
import { type ChainWork, useChainWork, useIsMergedAway } from './use-chain-work.ts';
import type { DiskRange } from './zoom.ts';

/** As many columns as the strips have pixels, in steps, so that a window that is pulled wider seldom asks again. */
const columnsOnScreen = (): number =>
  Math.min(2048, Math.max(256, Math.ceil((window.innerWidth * window.devicePixelRatio) / 2 / 256) * 256));

/** The operations drawn between the rows, with all they are about. */
const workedOn = (work: readonly ChainWork[]): ReadonlySet<string> =>
  new Set(
    work
      .filter(({ spans }) => spans.length > 0)
      .flatMap(({ operation }) => [operation.id, ...operation.subjects.map(({ id }) => id)]),
  );

/** All that the view of one chain draws, kept true by the event stream. */
export function useLayers(tipId: string, range: DiskRange | null) {
  const mergedAway = useIsMergedAway(tipId);
  // What goes is not asked for again: by the time of the answer it may be gone, and the drawing moves by itself.
  const enabled = ({ state }: { state: { data: unknown } }) =>
    state.data === undefined || !(mergedAway || isGoneImage(tipId));
  // After a merge of the active layer the tip is another image: the old drawing stands until the new one is there.
  const chain = useQuery({ ...imageChainQuery(tipId), enabled, placeholderData: keepPreviousData });
  // While one looks closer, the drawing there is stands, only larger, until the finer one is there.
  const wish = { ...range, columns: columnsOnScreen() };
  const asRead = useQuery({ ...imageMapQuery(tipId, wish), enabled, placeholderData: keepPreviousData });
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
    return layerModels({ chain: named, map, colours, scheme, atWork: workedOn(work) });
  }, [chain.data, map, scheme, nameOf, work]);
  const images = useMemo(
    () => new Map<string, Image>(forest.data?.images.map((image) => [image.id, toldApart(image, nameOf)])),
    [forest.data, nameOf],
  );
  return { chain, map, mapError: asRead.error, models, images, work };
}
