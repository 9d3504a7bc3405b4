import type { ImageMap } from '@strata/contract';
import { formatBytes, formatExactBytes } from '../../lib/format.ts';
import { words } from '../../lib/words.ts';
import classes from './strip.module.css';
import { extentWithin } from './strip-geometry.ts';

type LayerMap = ImageMap['layers'][number];

export interface StripLayer {
  readonly name: string;
  readonly colour: string;
  readonly map: LayerMap;
}

/** What one layer holds under the pointer. */
export function LayerHover({ layer, from, to }: { layer: StripLayer; from: number; to: number }) {
  const visible = extentWithin(layer.map.visible, from, to);
  const extent = visible ?? extentWithin(layer.map.shadowed, from, to);
  return (
    <div className={classes.hover}>
      <span className={classes.hoverLayer} style={{ '--layer': layer.colour }}>
        <span
          className={classes.swatch}
          data-hatched={(extent !== undefined && visible === undefined) || undefined}
          data-empty={extent === undefined || undefined}
        />
        {layer.name}
      </span>
      <Range extent={extent} at={from} />
      <span>
        {extent === undefined
          ? words.layers.strip.hole
          : visible
            ? words.layers.strip.visible
            : words.layers.strip.shadowed}
      </span>
    </div>
  );
}

/** Which layer the guest reads under the pointer. */
export function GuestHover({
  layers,
  from,
  to,
}: {
  layers: readonly StripLayer[];
  from: number;
  to: number;
}) {
  for (const layer of layers) {
    const extent = extentWithin(layer.map.visible, from, to);
    if (extent === undefined) continue;
    return (
      <div className={classes.hover}>
        <span className={classes.hoverLayer} style={{ '--layer': layer.colour }}>
          <span className={classes.swatch} />
          {words.layers.strip.from(layer.name)}
        </span>
        <Range extent={extent} at={from} />
      </div>
    );
  }
  return (
    <div className={classes.hover}>
      <Range extent={undefined} at={from} />
      <span>{words.layers.strip.nobody}</span>
    </div>
  );
}

function Range({ extent, at }: { extent: readonly [number, number] | undefined; at: number }) {
  if (extent === undefined) return <strong>{words.layers.strip.at(Math.round(at))}</strong>;
  const [start, length] = extent;
  return (
    <>
      <strong>{words.layers.strip.range(start, start + length)}</strong>
      <span>
        {formatBytes(length)} ({formatExactBytes(length)})
      </span>
    </>
  );
}
