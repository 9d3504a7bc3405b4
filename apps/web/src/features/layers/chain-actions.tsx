import { Button } from '@mantine/core';
import { useTimeout } from '@mantine/hooks';
import type { Vm } from '@strata/contract';
import { IconChevronDown } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { words } from '../../lib/words.ts';
import { ActionCard } from './action-card.tsx';
import classes from './action-panel.module.css';
import { type ConceivableAction, conceivableActions } from './conceivable-actions.ts';
import type { LayerModel } from './layer-model.ts';
import { LayerOffers } from './layer-offers.tsx';
import { RepairOffers } from './repair-offers.tsx';
import type { Run } from './selection.ts';
import type { PriceWorld } from './use-price.ts';

/** More targets than this are folded: a chain of 200 would offer 198 of them. */
const furtherShown = 1;
const furtherMost = 12;

interface ChainActionsProps {
  models: readonly LayerModel[];
  run: Run;
  vms: readonly Vm[];
  /** The VM whose tab this is. */
  vm?: Vm | undefined;
  world: PriceWorld;
  onChoose: (action: ConceivableAction) => void;
  /** Beside the details of the image, which offer the rest. */
  isBrief?: boolean;
}

/** All that one can do with a run of layers, each with its price or the reason why not. */
export function ChainActions(props: ChainActionsProps) {
  const { models, run, vms, vm, world, onChoose, isBrief = false } = props;
  const [settled, setSettled] = useState(false);
  useTimeout(() => setSettled(true), 150, { autoInvoke: true });
  const only = run.upper === run.lower ? models[run.upper] : undefined;
  const actions = conceivableActions(
    models.map(({ image }) => image.id),
    run,
    (only?.image.overlays.length ?? 0) > 0,
  );
  const deletion = actions.filter(({ kind }) => kind === 'delete');
  const further = actions.filter(({ kind }) => kind === 'commit-further');
  const others = actions.filter((action) => !deletion.includes(action) && !further.includes(action));
  const card = (action: ConceivableAction) => (
    <ActionCard
      key={`${action.kind} ${action.target}`}
      action={action}
      models={models}
      world={world}
      settled={settled}
      onChoose={() => onChoose(action)}
    />
  );
  return (
    <>
      <RepairOffers models={models} besides={isBrief ? only?.image.id : undefined} />
      <Remark models={models} run={run} />
      {others.map(card)}
      <Further actions={further}>{card}</Further>
      {only ? <LayerOffers layer={only} vms={vms} vm={vm} isBrief={isBrief} /> : null}
      {deletion.map(card)}
      {only && !isBrief ? (
        <Link to="/library" search={{ image: only.image.id }} className={classes.link}>
          {words.layers.panel.details}
        </Link>
      ) : null}
    </>
  );
}

/** Why there is less to do with some layers than with others. */
function Remark({ models, run }: Pick<ChainActionsProps, 'models' | 'run'>) {
  const { panel } = words.layers;
  const [first] = models;
  // Where a chain ends because a file is lost, its problem is said.
  if (models.at(-1)?.image.backing !== undefined) return null;
  if (models.length === 1 && first?.image.overlays.length === 0)
    return <p className={classes.facts}>{panel.only}</p>;
  const isBase = run.lower === models.length - 1 && run.upper === run.lower;
  return isBase ? <p className={classes.facts}>{panel.base}</p> : null;
}

interface FurtherProps {
  actions: readonly ConceivableAction[];
  children: (action: ConceivableAction) => ReactNode;
}

/** Targets beyond the next layer, folded when there are several. */
function Further({ actions, children }: FurtherProps) {
  const [isOpen, setOpen] = useState(actions.length <= furtherShown);
  if (!isOpen)
    return (
      <Button
        variant="subtle"
        size="compact-sm"
        rightSection={<IconChevronDown size={14} aria-hidden />}
        onClick={() => setOpen(true)}
      >
        {words.layers.panel.further}
      </Button>
    );
  const shown = actions.slice(0, furtherMost);
  // The base is the target people mean when they do not mean the next layer: never cut off by the list's end.
  const base = actions.at(-1);
  if (base !== undefined && !shown.includes(base)) shown.push(base);
  return shown.map(children);
}
