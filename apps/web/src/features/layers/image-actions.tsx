import { useComputedColorScheme } from '@mantine/core';
import type { Image } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { imageChainQuery, imagesQuery, vmsQuery } from '../../api/queries.ts';
import { toldApart, useImageNames } from '../../api/use-image-names.ts';
import classes from './action-panel.module.css';
import { climb } from './branches.ts';
import { ChainActions } from './chain-actions.tsx';
import { ChainPlanDialog } from './chain-plan-dialog.tsx';
import type { ConceivableAction } from './conceivable-actions.ts';
import { type LayerModel, layerModels } from './layer-model.ts';
import { previewColours } from './remembered-colours.ts';
import { occupies, useChainWork } from './use-chain-work.ts';
import { priceWorld } from './use-price.ts';

const byId = ({ items }: { items: Image[] }) => new Map(items.map((image) => [image.id, image]));

/** What the Layers view offers for an image, wherever the image is: in the chain that goes up to where it forks. */
export function ImageActions({ image }: { image: Image }) {
  const images = useQuery({ ...imagesQuery(), select: byId }).data;
  const tipId = images === undefined ? image.id : climb(image, images).tipId;
  const chain = useQuery(imageChainQuery(tipId));
  const vms = useQuery(vmsQuery()).data?.items ?? [];
  const models = useModels(chain.data);
  const ids = useMemo(() => models.map((layer) => layer.image.id), [models]);
  const work = useChainWork(ids);
  const [proposed, setProposed] = useState<ConceivableAction | null>(null);
  const at = ids.indexOf(image.id);
  if (at < 0) return null;
  return (
    <div className={classes.panel}>
      <ChainActions
        key={`${tipId} ${image.id}`}
        models={models}
        run={{ upper: at, lower: at }}
        vms={vms}
        world={priceWorld({
          readAt: chain.dataUpdatedAt,
          running: work.map(({ operation }) => operation.id),
          vms,
          isFresh: true,
          busyWith: work.find(occupies)?.operation.title ?? null,
        })}
        onChoose={setProposed}
        isBrief
      />
      {proposed === null ? null : (
        <ChainPlanDialog action={proposed} models={models} onClose={() => setProposed(null)} />
      )}
    </div>
  );
}

function useModels(chain: Parameters<typeof layerModels>[0]['chain'] | undefined): readonly LayerModel[] {
  const nameOf = useImageNames();
  const scheme = useComputedColorScheme('dark');
  return useMemo(() => {
    if (chain === undefined) return [];
    const named = { ...chain, layers: chain.layers.map((layer) => toldApart(layer, nameOf)) };
    const colours = previewColours(chain.layers.map(({ id }) => id));
    return layerModels({ chain: named, map: undefined, colours, scheme });
  }, [chain, nameOf, scheme]);
}
