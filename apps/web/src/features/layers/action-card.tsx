import { UnstyledButton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { isApiError } from '../../api/api-error.ts';
import { words } from '../../lib/words.ts';
import { chainPlanQuery } from '../plan/chain-plan-query.ts';
import classes from './action-panel.module.css';
import { actionTitle } from './action-title.ts';
import type { ConceivableAction } from './conceivable-actions.ts';
import type { LayerModel } from './layer-model.ts';
import { otherWays, priceOf } from './price.ts';

interface ActionCardProps {
  action: ConceivableAction;
  models: readonly LayerModel[];
  world: string;
  /** False while the selection still moves: prices are asked for what one stops at. */
  settled: boolean;
  onChoose: () => void;
}

/** An action with its price; grey with the reason when it cannot be done. */
export function ActionCard({ action, models, world, settled, onChoose }: ActionCardProps) {
  const plan = useQuery({ ...chainPlanQuery(action.request, world), enabled: settled });
  const blocked = plan.data?.blockers[0]?.message ?? refusalOf(plan.error);
  const price = plan.data ? priceOf(plan.data) : null;
  return (
    <UnstyledButton
      className={classes.card}
      data-action
      aria-disabled={blocked !== undefined}
      onClick={blocked === undefined ? onChoose : undefined}
    >
      <span className={classes.cardTitle}>{actionTitle(action, models)}</span>
      {plan.isPending ? <span className={classes.price}>{words.layers.panel.pricing}</span> : null}
      {price ? <span className={classes.price}>{price.line}</span> : null}
      {(plan.data ? otherWays(plan.data) : []).map((way) => (
        <span key={way} className={classes.price}>
          {way}
        </span>
      ))}
      {price?.loses ? <span className={classes.loses}>{price.loses}</span> : null}
      {blocked === undefined ? null : (
        <span className={classes.blocked}>{words.layers.price.blocked(blocked)}</span>
      )}
    </UnstyledButton>
  );
}

function refusalOf(error: unknown): string | undefined {
  if (error === null || error === undefined) return undefined;
  return isApiError(error) ? error.problem.detail : words.errors.unknown;
}
