import { Button, CloseButton } from '@mantine/core';
import { useTimeout } from '@mantine/hooks';
import type { Vm } from '@strata/contract';
import { IconChevronDown } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { words } from '../../lib/words.ts';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import { BranchLayerButton } from '../branches/branch-layer-button.tsx';
import { CompactImageDialog, isCompactable } from '../library/compact-image-dialog.tsx';
import { CreateImageDialog } from '../library/create-image-dialog.tsx';
import { MoveImageButton } from '../library/move-image-button.tsx';
import { overlayRefusal, useBreak } from '../library/use-break.ts';
import { TakeSnapshotButton } from '../snapshots/take-snapshot-button.tsx';
import { ActionCard } from './action-card.tsx';
import classes from './action-panel.module.css';
import { type ConceivableAction, conceivableActions } from './conceivable-actions.ts';
import { type LayerModel, runFacts } from './layer-model.ts';
import { RebaseDialog } from './rebase-dialog.tsx';
import type { Run } from './selection.ts';

/** More targets than this are folded: a chain of 200 would offer 198 of them. */
const furtherShown = 1;
const furtherMost = 12;

interface ActionPanelProps {
  models: readonly LayerModel[];
  run: Run | null;
  vms: readonly Vm[];
  /** What plans depend on besides the VMs: when the chain was read, and what is at work on it. */
  state: string;
  /** False while the chain of before is still drawn: nothing is asked of layers that may be gone. */
  fresh: boolean;
  /** The operation that works on the chain now. */
  busyWith: string | null;
  onChoose: (action: ConceivableAction) => void;
  onClear: () => void;
}

export function ActionPanel(props: ActionPanelProps) {
  const { models, run, vms, state, fresh, busyWith, onChoose, onClear } = props;
  const { panel } = words.layers;
  if (run === null)
    return (
      <div className={classes.nothing}>
        <h2>{panel.nothing.title}</h2>
        <p>{panel.nothing.text}</p>
        <p>{panel.nothing.drag}</p>
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
      <Actions
        key={keyOf(selected)}
        models={models}
        run={run}
        vms={vms}
        state={state}
        fresh={fresh}
        busyWith={busyWith}
        onChoose={onChoose}
      />
      {selected.length === 1 && selected[0] ? <OneLayer layer={selected[0]} vms={vms} /> : null}
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

function Actions({
  models,
  run,
  vms,
  state,
  fresh,
  busyWith,
  onChoose,
}: Omit<ActionPanelProps, 'run' | 'onClear'> & { run: Run }) {
  const [unfolded, setUnfolded] = useState(false);
  const [settled, setSettled] = useState(false);
  useTimeout(() => setSettled(true), 150, { autoInvoke: true });
  const actions = conceivableActions(
    models.map(({ image }) => image.id),
    run,
  );
  const further = actions.filter(({ kind }) => kind === 'commit-further');
  const folded = further.length > furtherShown && !unfolded;
  const shown = actions.filter(
    (action) => action.kind !== 'commit-further' || (!folded && further.indexOf(action) < furtherMost),
  );
  // The base is the target people mean when they do not mean the next layer: never cut off by the list's end.
  const base = further.at(-1);
  if (!folded && base !== undefined && !shown.includes(base)) shown.push(base);
  if (actions.length === 0) return <p className={classes.facts}>{words.layers.panel.only}</p>;
  return (
    <>
      {run.lower === models.length - 1 && run.upper === run.lower ? (
        <p className={classes.facts}>{words.layers.panel.base}</p>
      ) : null}
      {shown.map((action) => (
        <ActionCard
          key={`${action.kind} ${action.target}`}
          action={action}
          models={models}
          world={`${state} ${worldOf(vms)}`}
          settled={settled && fresh}
          busyWith={busyWith}
          onChoose={() => onChoose(action)}
        />
      ))}
      {folded ? (
        <Button
          variant="subtle"
          size="compact-sm"
          rightSection={<IconChevronDown size={14} aria-hidden />}
          onClick={() => setUnfolded(true)}
        >
          {words.layers.panel.further}
        </Button>
      ) : null}
    </>
  );
}

/** What a plan depends on besides the images: whether it would be done live. */
const worldOf = (vms: readonly Vm[]) => vms.map(({ id, state }) => `${id}:${state}`).join(' ');

function OneLayer({ layer, vms }: { layer: LayerModel; vms: readonly Vm[] }) {
  const [branching, setBranching] = useState(false);
  const [rebasing, setRebasing] = useState(false);
  const [compacting, setCompacting] = useState(false);
  const writer = vms.find(({ disks }) => disks.some(({ imageId }) => imageId === layer.image.id));
  return (
    <div className={classes.more}>
      {writer ? <TakeSnapshotButton vm={writer} /> : null}
      <ReasonedButton
        variant="default"
        reason={overlayRefusal(useBreak(layer.image))}
        onClick={() => setBranching(true)}
      >
        {words.layers.panel.newOverlay}
      </ReasonedButton>
      <BranchLayerButton image={layer.image} />
      {layer.image.format === 'qcow2' ? (
        <Button variant="default" onClick={() => setRebasing(true)}>
          {words.layers.rebase.open}
        </Button>
      ) : null}
      {isCompactable(layer.image) ? (
        <Button variant="default" onClick={() => setCompacting(true)}>
          {words.copies.image.compact}
        </Button>
      ) : null}
      <MoveImageButton image={layer.image} />
      <Link to="/library" search={{ image: layer.image.id }} className={classes.link}>
        {words.layers.panel.details}
      </Link>
      <CreateImageDialog opened={branching} onClose={() => setBranching(false)} backing={layer.image} />
      {compacting ? <CompactImageDialog image={layer.image} onClose={() => setCompacting(false)} /> : null}
      {rebasing ? <RebaseDialog image={layer.image} onClose={() => setRebasing(false)} /> : null}
    </div>
  );
}
