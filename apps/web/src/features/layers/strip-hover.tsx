import type { ImageMap } from '@strata/contract';
import { formatBytes, formatExactBytes, formatPlace } from '../../lib/format.ts';
import { words } from '../../lib/words.ts';
import classes from './strip.module.css';
import { indexWithin } from './strip-geometry.ts';

type LayerMap = ImageMap['layers'][number];

export interface StripLayer {
  readonly name: string;
  readonly colour: string;
  readonly map: LayerMap;
}

/** What one layer holds under the pointer. */
export function LayerHover({ layer, from, to }: { layer: StripLayer; from: number; to: number }) {
  const { map } = layer;
  const visible = piece(map.visible, map.visibleHeld, from, to);
  const extent = visible ?? piece(map.shadowed, map.shadowedHeld, from, to);
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
    const extent = piece(layer.map.visible, layer.map.visibleHeld, from, to);
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

interface Piece {
  readonly start: number;
  readonly length: number;
  /** Less than `length` where several pieces are told as one. */
  readonly held: number;
}

function piece(
  extents: LayerMap['visible'],
  held: readonly number[] | undefined,
  from: number,
  to: number,
): Piece | undefined {
  const index = indexWithin(extents, from, to);
  const extent = extents[index];
  if (extent === undefined) return undefined;
  const [start, length] = extent;
  return { start, length, held: held?.[index] ?? length };
}

function Range({ extent, at }: { extent: Piece | undefined; at: number }) {
  if (extent === undefined) return <strong>{words.layers.strip.at(at)}</strong>;
  const { start, length, held } = extent;
  return (
    <>
      <strong>
        {words.layers.zoom.range(formatPlace(start, length), formatPlace(start + length, length))}
      </strong>
      <span>
        {formatBytes(held)} ({formatExactBytes(held)})
      </span>
      {held < length ? <span>{words.layers.strip.pieces}</span> : null}
    </>
  );
}
