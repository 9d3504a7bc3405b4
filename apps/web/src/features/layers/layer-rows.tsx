// biome-ignore-all lint/a11y/useSemanticElements: a grid of drawings is no <table>; one stands below it (layers-table.tsx)
import type { Image, Vm } from '@strata/contract';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, type ReactNode, useCallback, useEffect, useMemo, useRef } from 'react';
import { createPortal } from 'react-dom';
import { words } from '../../lib/words.ts';
import { branchesOf } from './branches.ts';
import type { ConceivableAction } from './conceivable-actions.ts';
import type { LayerModel } from './layer-model.ts';
import { LayerRow } from './layer-row.tsx';
import classes from './layer-rows.module.css';
import { click, press, runOf, type Selection } from './selection.ts';
import { type LayerDrag, useLayerDrag } from './use-layer-drag.ts';
import type { DiskRange } from './zoom.ts';

/** Longer chains scroll in a window of their own and only what is in it is drawn. */
export const virtualFrom = 30;

interface LayerRowsProps {
  label: string;
  models: readonly LayerModel[];
  images: ReadonlyMap<string, Image>;
  range: DiskRange;
  vms: readonly Vm[];
  vmId: string | null;
  selection: Selection | null;
  onSelection: (selection: Selection | null) => void;
  onPropose: (action: ConceivableAction) => void;
  onShow: (tipId: string) => void;
  onEnter: () => void;
  /** Running work, drawn beside the row it goes into. */
  decorate: (index: number, row: ReactNode) => ReactNode;
}

export function LayerRows(props: LayerRowsProps) {
  const { models, images, selection, onSelection, vms } = props;
  const gridRef = useRef<HTMLDivElement>(null);
  const byKey = useRef(false);
  const chain = useMemo(() => models.map(({ image }) => image.id), [models]);
  const shown = useMemo(() => new Set(chain), [chain]);
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
  useEffect(() => {
    if (!byKey.current || focusIndex < 0) return;
    byKey.current = false;
    if (virtual) virtualizer.scrollToIndex(focusIndex);
    // The row may only exist after the scroll has been drawn.
    requestAnimationFrame(() =>
      gridRef.current?.querySelector<HTMLElement>(`[role="row"][data-index="${focusIndex}"]`)?.focus(),
    );
  }, [focusIndex, virtual, virtualizer]);

  const onKeyDown = (event: KeyboardEvent) => {
    if (!(event.target as Element).matches('[role="row"]')) return;
    if (event.key === 'Enter') {
      // Or the same key press would click the button that gets the focus.
      event.preventDefault();
      return props.onEnter();
    }
    const focused = (event.target as HTMLElement).dataset.layer ?? '';
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

  const selectionRef = useRef(selection);
  selectionRef.current = selection;
  const onSelect = useCallback(
    (imageId: string, shift: boolean) => onSelection(click(chain, selectionRef.current, imageId, shift)),
    [chain, onSelection],
  );
  const { drag, handlers } = useLayerDrag(chain, props.onPropose);

  const row = (index: number) => {
    const layer = models[index];
    if (layer === undefined) return null;
    const drawn = (
      <LayerRow
        key={layer.image.id}
        layer={layer}
        index={index}
        range={props.range}
        branches={branchesOf(images.get(layer.image.id) ?? layer.image, shown, images)}
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
      {drag ? <DragLabel drag={drag} models={models} /> : null}
    </>
  );
}

function dropState(drag: LayerDrag | null, index: number) {
  if (drag === null) return null;
  if (drag.from === index) return 'source';
  if (drag.onto !== index) return null;
  return drag.action === undefined ? 'refused' : 'target';
}

function writerOf(layer: LayerModel, vms: readonly Vm[]): { name: string; running: boolean } | null {
  const vm = vms.find(({ disks }) => disks.some(({ imageId }) => imageId === layer.image.id));
  return vm === undefined ? null : { name: vm.name, running: vm.state === 'running' };
}

/** Follows the pointer and says what letting go would propose. */
function DragLabel({ drag, models }: { drag: LayerDrag; models: readonly LayerModel[] }) {
  const name = models[drag.from]?.image.name ?? '';
  const target = models[drag.onto]?.image.name ?? '';
  if (drag.onto === drag.from) return null;
  const text =
    drag.action === undefined
      ? words.layers.drag.none
      : words.layers.drag[drag.action.request.operation === 'commit' ? 'commit' : 'pull'](name, target);
  return createPortal(
    <div className={classes.dragLabel} style={{ left: drag.x + 14, top: drag.y + 14 }} aria-hidden>
      {text}
    </div>,
    document.body,
  );
}
