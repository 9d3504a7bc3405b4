// biome-ignore-all lint/a11y/useSemanticElements: a grid of drawings is no <table>; one stands below it (layers-table.tsx)
import type { Image, Vm } from '@strata/contract';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, type ReactNode, useCallback, useEffect, useMemo, useRef } from 'react';
import { flushSync } from 'react-dom';
import { type Branch, branchesOf } from './branches.ts';
import { type ConceivableAction, isActionKey, keyedAction } from './conceivable-actions.ts';
import { DragLabel } from './drag-label.tsx';
import type { LayerWriter } from './layer-card.tsx';
import type { LayerModel } from './layer-model.ts';
import { LayerRow } from './layer-row.tsx';
import classes from './layer-rows.module.css';
import { click, press, runOf, type Selection } from './selection.ts';
import { type LayerDrag, useLayerDrag } from './use-layer-drag.ts';
import type { PriceWorld } from './use-price.ts';
import type { DiskRange } from './zoom.ts';

/** Longer chains scroll in a window of their own and only what is in it is drawn. */
export const virtualFrom = 30;

const noBranches: readonly Branch[] = [];

interface LayerRowsProps {
  label: string;
  models: readonly LayerModel[];
  images: ReadonlyMap<string, Image>;
  range: DiskRange;
  vms: readonly Vm[];
  vmId: string | null;
  selection: Selection | null;
  /** A click ends the run that has been begun, as with Shift. */
  isExtending: boolean;
  onSelection: (selection: Selection | null) => void;
  onPropose: (action: ConceivableAction) => void;
  onShow: (tipId: string) => void;
  onEnter: () => void;
  /** A key asked for what cannot be done with these rows. */
  onNothing: () => void;
  world: PriceWorld;
  /** Running work, drawn beside the row it goes into. */
  decorate: (index: number, row: ReactNode) => ReactNode;
}

export function LayerRows(props: LayerRowsProps) {
  const { models, images, selection, onSelection, vms } = props;
  const gridRef = useRef<HTMLDivElement>(null);
  const byKey = useRef(false);
  const chain = useMemo(() => models.map(({ image }) => image.id), [models]);
  const shown = useMemo(() => new Set(chain), [chain]);
  const branches = useMemo(
    () => models.map(({ image }) => branchesOf(images.get(image.id) ?? image, shown, images)),
    [models, images, shown],
  );
  const run = runOf(chain, selection);
  const virtual = models.length >= virtualFrom;
  const virtualizer = useVirtualizer({
    count: models.length,
    getScrollElement: () => gridRef.current,
    estimateSize: () => 76,
    getItemKey: (index) => chain[index] ?? index,
    overscan: 6,
    enabled: virtual,
  });

  const focusIndex = selection === null ? -1 : chain.indexOf(selection.focus);
  const arrived = useRef(false);
  useEffect(() => {
    if (arrived.current || chain.length === 0) return;
    arrived.current = true;
    // What an address means is there to be seen.
    if (focusIndex >= 0 && virtual) virtualizer.scrollToIndex(focusIndex, { align: 'center' });
    else rowAt(gridRef.current, focusIndex)?.scrollIntoView({ block: 'nearest' });
  }, [chain, focusIndex, virtual, virtualizer]);
  useEffect(() => {
    if (!byKey.current || focusIndex < 0) return;
    byKey.current = false;
    if (virtual) virtualizer.scrollToIndex(focusIndex);
    // The row may only exist after the scroll has been drawn.
    requestAnimationFrame(() => rowAt(gridRef.current, focusIndex)?.focus());
  }, [focusIndex, virtual, virtualizer]);

  const onKeyDown = (event: KeyboardEvent) => {
    if (!(event.target as Element).matches('[role="row"]')) return;
    const focused = (event.target as HTMLElement).dataset.layer ?? '';
    if (event.key === 'Enter') {
      // Or the same key press would click the button that gets the focus.
      event.preventDefault();
      // With nothing selected it is the row that has the focus; its actions have to be there to go to.
      if (selection === null) flushSync(() => onSelection(click(chain, null, focused, false)));
      return props.onEnter();
    }
    if (isActionKey(event)) {
      event.preventDefault();
      const at = chain.indexOf(focused);
      const action = keyedAction(chain, run ?? { upper: at, lower: at }, event);
      return action === undefined ? props.onNothing() : props.onPropose(action);
    }
    if (event.key === ' ') {
      event.preventDefault();
      return onSelection(click(chain, selection, focused, event.shiftKey));
    }
    // With nothing selected the arrows go on from the row that has the focus.
    const from = selection ?? (event.key.startsWith('Arrow') ? { anchor: focused, focus: focused } : null);
    const next = press(chain, from, event.key, event.shiftKey);
    if (next === from && next === selection) return;
    event.preventDefault();
    byKey.current = true;
    onSelection(next);
  };

  const latest = useRef({ chain, selection, onSelection, isExtending: props.isExtending });
  latest.current = { chain, selection, onSelection, isExtending: props.isExtending };
  // The same function always, so that a selection draws again only the rows that it changes.
  const onSelect = useCallback((imageId: string, shift: boolean) => {
    const now = latest.current;
    now.onSelection(click(now.chain, now.selection, imageId, shift || now.isExtending));
  }, []);
  const { drag, handlers } = useLayerDrag(chain, run, props.onPropose);

  const row = (index: number) => {
    const layer = models[index];
    if (layer === undefined) return null;
    const drawn = (
      <LayerRow
        key={layer.image.id}
        layer={layer}
        index={index}
        range={props.range}
        branches={branches[index] ?? noBranches}
        writer={index === 0 ? writerOf(layer, vms) : null}
        vmId={props.vmId}
        selected={run !== null && index >= run.upper && index <= run.lower}
        tabbable={index === Math.max(focusIndex, 0)}
        drop={dropState(drag, index)}
        onSelect={onSelect}
        onShow={props.onShow}
      />
    );
    return props.decorate(index, drawn);
  };

  return (
    <>
      <div
        ref={gridRef}
        role="grid"
        aria-label={props.label}
        aria-multiselectable
        aria-rowcount={models.length}
        className={classes.grid}
        data-virtual={virtual || undefined}
        onKeyDown={onKeyDown}
        {...handlers}
      >
        {virtual ? (
          <div className={classes.canvas} role="presentation" style={{ height: virtualizer.getTotalSize() }}>
            {virtualizer.getVirtualItems().map((item) => (
              <div
                key={item.key}
                role="presentation"
                ref={virtualizer.measureElement}
                data-index={item.index}
                className={classes.item}
                style={{ transform: `translateY(${item.start}px)` }}
              >
                {row(item.index)}
              </div>
            ))}
          </div>
        ) : (
          models.map(({ image }, index) => (
            <div key={image.id} role="presentation">
              {row(index)}
            </div>
          ))
        )}
      </div>
      {drag ? <DragLabel drag={drag} models={models} world={props.world} /> : null}
    </>
  );
}

const rowAt = (grid: HTMLElement | null, index: number) =>
  grid?.querySelector<HTMLElement>(`[role="row"][data-index="${index}"]`);

function dropState(drag: LayerDrag | null, index: number) {
  if (drag === null) return null;
  if (index >= drag.run.upper && index <= drag.run.lower) return 'source';
  if (drag.onto !== index) return null;
  return drag.action === undefined ? 'refused' : 'target';
}

function writerOf(layer: LayerModel, vms: readonly Vm[]): LayerWriter | null {
  const vm = vms.find(({ disks }) => disks.some(({ imageId }) => imageId === layer.image.id));
  if (vm === undefined) return null;
  const { name, state } = vm;
  return { name, state: state === 'running' || state === 'suspended' ? state : 'other' };
}
