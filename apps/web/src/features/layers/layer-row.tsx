// biome-ignore-all lint/a11y/useSemanticElements: a grid of drawings is no <table>; one stands below it (layers-table.tsx)
// biome-ignore-all lint/a11y/useFocusableInteractive: the rows take the focus, not their cells
import { type MouseEvent, memo, useMemo } from 'react';
import { words } from '../../lib/words.ts';
import type { Branch } from './branches.ts';
import { LayerBranches } from './layer-branches.tsx';
import { LayerCard, type LayerWriter } from './layer-card.tsx';
import type { LayerModel } from './layer-model.ts';
import classes from './layer-row.module.css';
import { Strip } from './strip.tsx';
import { LayerHover } from './strip-hover.tsx';
import { paintLayer } from './strip-paint.ts';
import type { DiskRange } from './zoom.ts';

interface LayerRowProps {
  layer: LayerModel;
  index: number;
  range: DiskRange;
  branches: readonly Branch[];
  writer: LayerWriter | null;
  vmId: string | null;
  selected: boolean;
  /** The one row that the Tab key reaches. */
  tabbable: boolean;
  /** What dragging here would do: `target` when something can be done. */
  drop: 'target' | 'refused' | 'source' | null;
  onSelect: (imageId: string, shift: boolean) => void;
  onShow: (tipId: string) => void;
}

export const LayerRow = memo(function LayerRow({
  layer,
  index,
  range,
  branches,
  writer,
  vmId,
  selected,
  tabbable,
  drop,
  onSelect,
  onShow,
}: LayerRowProps) {
  const select = (event: MouseEvent) => onSelect(layer.image.id, event.shiftKey);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid takes the keys of all its rows
    <div
      className={classes.row}
      role="row"
      aria-rowindex={index + 1}
      aria-selected={selected}
      tabIndex={tabbable ? 0 : -1}
      data-layer={layer.image.id}
      data-index={index}
      data-selected={selected || undefined}
      data-drop={drop ?? undefined}
      onClick={select}
    >
      <div role="rowheader" className={classes.cell}>
        <LayerCard layer={layer} writer={writer} vmId={vmId} />
        <LayerBranches branches={branches} onShow={onShow} />
      </div>
      <div role="gridcell" className={classes.cell}>
        <LayerStrip layer={layer} range={range} />
      </div>
    </div>
  );
});

function LayerStrip({ layer, range }: { layer: LayerModel; range: DiskRange }) {
  const { map, colour, image } = layer;
  const paint = useMemo(
    () => (map === null ? () => {} : paintLayer(map, range, colour)),
    [map, range, colour],
  );
  if (map === null) return <div className={classes.noStrip} />;
  const hidden = map.allocatedBytes - map.visibleBytes;
  return (
    <Strip
      paint={paint}
      range={range}
      label={words.layers.strip.label(image.name, map.visibleBytes, hidden)}
      describe={(from, to) => <LayerHover layer={{ name: image.name, colour, map }} from={from} to={to} />}
    />
  );
}
