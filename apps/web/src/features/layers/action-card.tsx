import { UnstyledButton } from '@mantine/core';
import type { Plan } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import { isApiError } from '../../api/api-error.ts';
import { isGoneImage } from '../../api/apply-event.ts';
import { words } from '../../lib/words.ts';
import { chainPlanQuery } from '../plan/chain-plan-query.ts';
import classes from './action-panel.module.css';
import { actionTitle } from './action-title.ts';
import type { ConceivableAction } from './conceivable-actions.ts';
import { type LayerModel, namesOf } from './layer-model.ts';
import { otherWays, priceOf } from './price.ts';

interface ActionCardProps {
  action: ConceivableAction;
  models: readonly LayerModel[];
  world: string;
  /** False while the selection still moves: prices are asked for what one stops at. */
  settled: boolean;
  /** What works on the chain now: until it has ended nothing else can, and some of its layers may go. */
  busyWith: string | null;
  onChoose: () => void;
}

/** An action with its price; grey with the reason when it cannot be done. */
export function ActionCard(props: ActionCardProps) {
  const { action, models, world, settled, busyWith, onChoose } = props;
  const plan = useQuery({
    ...chainPlanQuery(action.request, world),
    enabled: settled && busyWith === null && !idsIn(action.request).some(isGoneImage),
  });
  const blocked = busyWith === null ? blockersOf(plan) : [words.layers.panel.busy(busyWith)];
  const possible = blocked.length === 0;
  const price = plan.data ? priceOf(plan.data) : null;
  return (
    <UnstyledButton
      className={classes.card}
      data-action
      aria-disabled={!possible}
      onClick={possible ? onChoose : undefined}
    >
      <span className={classes.cardTitle}>{actionTitle(action, namesOf(models))}</span>
      {plan.isPending && possible ? (
        <span className={classes.price}>{words.layers.panel.pricing}</span>
      ) : null}
      {price ? <span className={classes.price}>{price.line}</span> : null}
      {(plan.data ? otherWays(plan.data) : []).map((way) => (
        <span key={way} className={classes.price}>
          {way}
        </span>
      ))}
      {price?.loses ? <span className={classes.loses}>{price.loses}</span> : null}
      {possible ? null : (
        <span className={classes.blocked}>
          {words.layers.price.blocked(blocked.length)}
          {blocked.map((why) => (
            <span key={why} className={classes.why}>
              {why}
            </span>
          ))}
        </span>
      )}
    </UnstyledButton>
  );
}

/** A layer that was merged away while it is still drawn has no price. */
function idsIn(request: ConceivableAction['request']): string[] {
  if (request.operation === 'commit') return [request.top, request.base];
  if (request.operation !== 'pull') return [request.imageId];
  return [request.into, ...(request.from === undefined ? [] : [request.from])];
}

function blockersOf({ data, error }: { data: Plan | undefined; error: unknown }): string[] {
  if (data) return data.blockers.map(({ message }) => message);
  if (error === null || error === undefined) return [];
  return [isApiError(error) ? error.problem.detail : words.errors.unknown];
}
