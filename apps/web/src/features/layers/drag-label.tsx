import { useTimeout } from '@mantine/hooks';
import { useState } from 'react';
import { createPortal } from 'react-dom';
import { words } from '../../lib/words.ts';
import { actionTitle } from './action-title.ts';
import type { ConceivableAction } from './conceivable-actions.ts';
import classes from './drag-label.module.css';
import { type LayerModel, namesOf } from './layer-model.ts';
import { priceOf } from './price.ts';
import type { LayerDrag } from './use-layer-drag.ts';
import { type PriceWorld, usePrice } from './use-price.ts';

interface DragLabelProps {
  drag: LayerDrag;
  models: readonly LayerModel[];
  world: PriceWorld;
}

/** Follows the pointer and says what letting go would propose, with its price. */
export function DragLabel({ drag, models, world }: DragLabelProps) {
  const { action, onto, run } = drag;
  const onItself = onto >= run.upper && onto <= run.lower;
  return createPortal(
    <div className={classes.label} style={{ left: placeOf(drag.x), top: drag.y + 16 }} aria-hidden>
      {action === undefined ? (
        <span className={classes.quiet}>{onItself ? words.layers.drag.start : words.layers.drag.none}</span>
      ) : (
        <Offer key={action.target} action={action} models={models} world={world} />
      )}
    </div>,
    document.body,
  );
}

/** Beside the pointer, and never over the right edge of the window. */
const placeOf = (x: number) => Math.max(8, Math.min(x + 16, window.innerWidth - 370));

function Offer({ action, models, world }: { action: ConceivableAction } & Omit<DragLabelProps, 'drag'>) {
  const [settled, setSettled] = useState(false);
  useTimeout(() => setSettled(true), 120, { autoInvoke: true });
  const { plan, blocked, isPending } = usePrice(action, world, settled);
  const price = plan ? priceOf(plan) : null;
  return (
    <>
      <strong>{actionTitle(action, namesOf(models))}</strong>
      {isPending ? <span className={classes.quiet}>{words.layers.panel.pricing}</span> : null}
      {price && blocked.length === 0 ? <span className={classes.quiet}>{price.line}</span> : null}
      {price?.loses && blocked.length === 0 ? <span className={classes.bad}>{price.loses}</span> : null}
      {blocked.slice(0, 1).map((why) => (
        <span key={why} className={classes.bad}>
          {words.layers.price.blocked(1)} {why}
        </span>
      ))}
    </>
  );
}
