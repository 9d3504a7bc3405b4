import { CloseButton } from '@mantine/core';
import type { Vm } from '@strata/contract';
import { words } from '../../lib/words.ts';
import classes from './action-panel.module.css';
import { ChainActions } from './chain-actions.tsx';
import type { ConceivableAction } from './conceivable-actions.ts';
import { KeyHelp } from './key-help.tsx';
import { type LayerModel, runFacts } from './layer-model.ts';
import { RepairOffers } from './repair-offers.tsx';
import type { Run } from './selection.ts';
import type { PriceWorld } from './use-price.ts';

interface ActionPanelProps {
  models: readonly LayerModel[];
  run: Run | null;
  vms: readonly Vm[];
  /** The VM whose tab this is. */
  vm?: Vm | undefined;
  world: PriceWorld;
  onChoose: (action: ConceivableAction) => void;
  onClear: () => void;
}

/** Beside the drawing: what can be done with the selected layers, and what it costs. */
export function ActionPanel({ models, run, vms, vm, world, onChoose, onClear }: ActionPanelProps) {
  const { panel } = words.layers;
  if (run === null)
    return (
      <div className={classes.nothing}>
        <h2>{panel.nothing.title}</h2>
        <p>{panel.nothing.text}</p>
        <p>{panel.nothing.drag}</p>
        <RepairOffers models={models} />
        <KeyHelp />
      </div>
    );
  const selected = models.slice(run.upper, run.lower + 1);
  return (
    <div className={classes.panel}>
      <header className={classes.head}>
        <h2>{selected.length === 1 ? selected[0]?.image.name : panel.many(selected.length)}</h2>
        <CloseButton size="sm" aria-label={panel.clear} onClick={onClear} />
      </header>
      <p className={classes.facts}>{factsOf(selected)}</p>
      <ChainActions
        key={keyOf(selected)}
        models={models}
        run={run}
        vms={vms}
        vm={vm}
        world={world}
        onChoose={onChoose}
      />
    </div>
  );
}

const keyOf = (layers: readonly LayerModel[]) => layers.map(({ image }) => image.id).join(' ');

function factsOf(selected: readonly LayerModel[]): string {
  const { panel } = words.layers;
  const { stored, visible } = runFacts(selected);
  const sizes = visible === null ? panel.factsWithoutMap(stored) : panel.facts(stored, visible);
  const [upper, lower] = [selected[0]?.image.name ?? '', selected.at(-1)?.image.name ?? ''];
  return selected.length === 1 ? sizes : `${panel.span(lower, upper)} · ${sizes}`;
}
