import type { Image } from '@strata/contract';
import { useState } from 'react';
import { words } from '../../lib/words.ts';
import { isRepairable, problemsOf } from '../library/image-list.ts';
import { RepairDialog } from '../library/repair-dialog.tsx';
import { OfferCard } from './action-card.tsx';
import classes from './action-panel.module.css';
import type { LayerModel } from './layer-model.ts';

interface RepairOffersProps {
  models: readonly LayerModel[];
  /** Whose repair is offered beside this already. */
  besides?: string | undefined;
}

/** For every layer of the chain that can be mended, whichever is selected: a break stops the others, too. */
export function RepairOffers({ models, besides }: RepairOffersProps) {
  const [repairing, setRepairing] = useState<Image | null>(null);
  const broken = models.filter(({ image }) => image.id !== besides && isRepairable(image));
  return (
    <>
      {broken.map(({ image }) => (
        <OfferCard
          key={image.id}
          title={words.repair.offer(image.name)}
          blocked={[]}
          onChoose={() => setRepairing(image)}
        >
          <span className={classes.price}>
            {problemsOf(image)
              .map(({ message }) => message)
              .join(' ')}
          </span>
        </OfferCard>
      ))}
      {repairing === null ? null : (
        <RepairDialog image={repairing} name={repairing.name} onClose={() => setRepairing(null)} />
      )}
    </>
  );
}
