import type { Vm } from '@strata/contract';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { words } from '../../lib/words.ts';
import { PromoteDialog } from '../branches/promote-dialog.tsx';
import { ChecksumDialog } from '../library/checksum-dialog.tsx';
import { CompactImageDialog, isCompactable } from '../library/compact-image-dialog.tsx';
import { ConvertDialog } from '../library/convert-dialog.tsx';
import { CreateImageDialog } from '../library/create-image-dialog.tsx';
import { MoveImageDialog } from '../library/move-image-dialog.tsx';
import { ResizeDialog } from '../library/resize-dialog.tsx';
import { breakRefusal, useBreak } from '../library/use-break.ts';
import { TakeSnapshotButton } from '../snapshots/take-snapshot-button.tsx';
import { OfferCard } from './action-card.tsx';
import classes from './action-panel.module.css';
import type { LayerModel } from './layer-model.ts';
import { RebaseDialog } from './rebase-dialog.tsx';

interface LayerOffersProps {
  layer: LayerModel;
  vms: readonly Vm[];
  /** The VM whose tab this is. */
  vm?: Vm | undefined;
  /** Without what the details of the image offer anyway. */
  isBrief?: boolean;
}

type Offer = 'overlay' | 'rebase' | 'compact' | 'move' | 'promote' | 'checksum' | 'convert' | 'resize';

/** What one can do with a single layer besides moving data along its chain. */
export function LayerOffers({ layer: { image }, vms, vm, isBrief = false }: LayerOffersProps) {
  const [opened, setOpened] = useState<Offer | null>(null);
  const navigate = useNavigate();
  const { offers } = words.layers;
  const { checksum, convert, resize } = words.imageChanges;
  const refusal = breakRefusal(useBreak(image));
  const writer = vms.find(({ disks }) => disks.some(({ imageId }) => imageId === image.id));
  const written = writer === undefined ? null : words.copies.branch.fromLayerReason(writer.name);
  const overlayBlocked = [written ?? refusal].filter((why) => why !== null);
  const wholeBlocked = refusal === null ? [] : [refusal];
  const close = () => setOpened(null);
  return (
    <>
      {writer && !isBrief ? <TakeSnapshotButton vm={writer} /> : null}
      <OfferCard
        title={offers.branch(image.name)}
        blocked={overlayBlocked}
        onChoose={() => void navigate({ to: '/vms/new', search: { image: image.id } })}
      >
        <span className={classes.price}>{offers.branchText}</span>
      </OfferCard>
      {isBrief ? null : (
        <OfferCard
          title={offers.overlay(image.name)}
          blocked={overlayBlocked}
          onChoose={() => setOpened('overlay')}
        >
          <span className={classes.price}>{offers.overlayText}</span>
        </OfferCard>
      )}
      {isBrief || vms.every(({ disks }) => disks.length === 0) ? null : (
        <OfferCard
          title={offers.promote(vm?.name ?? null, image.name)}
          blocked={writer === undefined ? wholeBlocked : [words.copies.promote.written(writer.name)]}
          onChoose={() => setOpened('promote')}
        >
          <span className={classes.price}>{offers.promoteText}</span>
        </OfferCard>
      )}
      {image.format === 'qcow2' && image.present ? (
        <OfferCard title={offers.rebase(image.name)} blocked={[]} onChoose={() => setOpened('rebase')}>
          <span className={classes.price}>{offers.rebaseText}</span>
        </OfferCard>
      ) : null}
      {!isBrief && isCompactable(image) ? (
        <OfferCard
          title={offers.compact(image.name)}
          blocked={wholeBlocked}
          onChoose={() => setOpened('compact')}
        >
          <span className={classes.price}>{offers.compactText}</span>
        </OfferCard>
      ) : null}
      {isBrief ? null : (
        <OfferCard title={offers.move(image.name)} blocked={wholeBlocked} onChoose={() => setOpened('move')}>
          <span className={classes.price}>{offers.moveText}</span>
        </OfferCard>
      )}
      {isBrief || !image.present ? null : (
        <OfferCard
          title={words.inside.offer(image.name)}
          blocked={wholeBlocked}
          onChoose={() =>
            void navigate({ to: '/library/$imageId/inside', params: { imageId: image.id }, search: {} })
          }
        >
          <span className={classes.price}>{words.inside.offerText}</span>
        </OfferCard>
      )}
      {isBrief || !image.present ? null : (
        <OfferCard
          title={convert.offer(image.name)}
          blocked={wholeBlocked}
          onChoose={() => setOpened('convert')}
        >
          <span className={classes.price}>{convert.offerText}</span>
        </OfferCard>
      )}
      {isBrief || !image.present ? null : (
        <OfferCard
          title={resize.offer(image.name)}
          blocked={wholeBlocked}
          onChoose={() => setOpened('resize')}
        >
          <span className={classes.price}>{resize.offerText}</span>
        </OfferCard>
      )}
      {isBrief || !image.present ? null : (
        <OfferCard title={checksum.offer(image.name)} blocked={[]} onChoose={() => setOpened('checksum')}>
          <span className={classes.price}>{checksum.offerText}</span>
        </OfferCard>
      )}
      <CreateImageDialog opened={opened === 'overlay'} onClose={close} backing={image} />
      {opened === 'promote' ? <PromoteDialog image={image} vm={vm} onClose={close} /> : null}
      {opened === 'convert' ? <ConvertDialog image={image} onClose={close} /> : null}
      {opened === 'resize' ? <ResizeDialog image={image} onClose={close} /> : null}
      {opened === 'checksum' ? <ChecksumDialog image={image} onClose={close} /> : null}
      {opened === 'compact' ? <CompactImageDialog image={image} onClose={close} /> : null}
      {opened === 'move' ? <MoveImageDialog image={image} onClose={close} /> : null}
      {opened === 'rebase' ? <RebaseDialog image={image} onClose={close} /> : null}
    </>
  );
}
