import { UnstyledButton } from '@mantine/core';
import type { Blocker } from '@strata/contract';
import { IconBan } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { words } from '../../lib/words.ts';
import { BlockerRemedies } from '../plan/blocker-remedies.tsx';
import { remediesOf } from '../plan/remedies.ts';
import classes from './action-panel.module.css';
import { actionTitle } from './action-title.ts';
import type { ConceivableAction } from './conceivable-actions.ts';
import { type LayerModel, namesOf } from './layer-model.ts';
import { otherWays, priceOf } from './price.ts';
import { type PriceWorld, usePrice } from './use-price.ts';

interface ActionCardProps {
  action: ConceivableAction;
  models: readonly LayerModel[];
  world: PriceWorld;
  /** False while the selection still moves: prices are asked for what one stops at. */
  settled: boolean;
  onChoose: () => void;
}

/** An action with its price; grey with the reason when it cannot be done. */
export function ActionCard({ action, models, world, settled, onChoose }: ActionCardProps) {
  const { plan, blocked, blockers, isPending } = usePrice(action, world, settled);
  const price = plan ? priceOf(plan) : null;
  const ways = plan ? otherWays(plan) : [];
  return (
    <OfferCard
      title={actionTitle(action, namesOf(models))}
      blocked={blocked}
      blockers={blockers}
      onChoose={onChoose}
    >
      {isPending ? <span className={classes.price}>{words.layers.panel.pricing}</span> : null}
      {price ? <span className={classes.price}>{price.line}</span> : null}
      {blocked.length > 0 && ways.length > 1
        ? null
        : ways.map((way) => (
            <span key={way} className={classes.price}>
              {way}
            </span>
          ))}
      {price?.loses && blocked.length === 0 ? <span className={classes.loses}>{price.loses}</span> : null}
    </OfferCard>
  );
}

interface OfferCardProps {
  title: string;
  blocked: readonly string[];
  /** The same with the things they are about, where buttons can lift them. */
  blockers?: readonly Blocker[];
  onChoose: () => void;
  children?: ReactNode;
}

/** Something one can do with the selection, with what it means; not to be pressed while something blocks it. */
export function OfferCard({ title, blocked, blockers = [], onChoose, children }: OfferCardProps) {
  const isPossible = blocked.length === 0;
  const card = (
    <UnstyledButton
      className={classes.card}
      data-action
      aria-disabled={!isPossible}
      onClick={isPossible ? onChoose : undefined}
    >
      <span className={classes.cardTitle}>{title}</span>
      {children}
      {isPossible ? null : (
        <span className={classes.blocked}>
          <IconBan size={13} aria-hidden className={classes.ban} />
          <span>
            <span className="visually-hidden">{words.layers.price.blocked(blocked.length)} </span>
            {blocked.map((why) => (
              <span key={why} className={classes.why}>
                {why}
              </span>
            ))}
          </span>
        </span>
      )}
    </UnstyledButton>
  );
  if (remediesOf(blockers).length === 0) return card;
  return (
    <div className={classes.lifted}>
      {card}
      <BlockerRemedies blockers={blockers} />
    </div>
  );
}
