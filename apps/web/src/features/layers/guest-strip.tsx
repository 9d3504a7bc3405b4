import type { ImageMap } from '@strata/contract';
import { IconInfoCircle } from '@tabler/icons-react';
import { useMemo } from 'react';
import { words } from '../../lib/words.ts';
import classes from './guest-strip.module.css';
import type { LayerModel } from './layer-model.ts';
import stripClasses from './strip.module.css';
import { Strip } from './strip.tsx';
import { GuestHover, type StripLayer } from './strip-hover.tsx';
import { paintGuest } from './strip-paint.ts';
import type { DiskRange } from './zoom.ts';

/** The sum line: what is left when one looks down from the top. */
export function GuestStrip({
  models,
  map,
  range,
}: {
  models: readonly LayerModel[];
  map: ImageMap;
  range: DiskRange;
}) {
  const layers = useMemo(() => {
    const byId = new Map(models.map((model) => [model.image.id, model]));
    return map.layers.flatMap((layer): StripLayer[] => {
      const model = byId.get(layer.imageId);
      return model === undefined ? [] : [{ name: model.image.name, colour: model.colour, map: layer }];
    });
  }, [models, map]);
  const paint = useMemo(
    () =>
      paintGuest(
        { ...map, layers: layers.map((layer) => layer.map) },
        range,
        layers.map(({ colour }) => colour),
      ),
    [layers, map, range],
  );
  return (
    <div className={classes.sum}>
      <div>
        <div>{words.layers.sum.title}</div>
        <div className={classes.text}>{words.layers.sum.text}</div>
      </div>
      <div className={classes.line}>
        <Strip
          thin
          paint={paint}
          range={range}
          label={words.layers.strip.sumLabel}
          describe={(from, to) => <GuestHover layers={layers} from={from} to={to} />}
        />
        <ul className={classes.legend}>
          <li>
            <span className={stripClasses.swatch} /> {words.layers.legend.solid}
          </li>
          <li>
            <span className={stripClasses.swatch} data-hatched /> {words.layers.legend.hatched}
          </li>
          <li>
            <span className={stripClasses.swatch} data-empty /> {words.layers.legend.empty}
          </li>
        </ul>
        {map.approximate ? (
          <p className={classes.approximate}>
            <IconInfoCircle size={14} aria-hidden /> {words.layers.approximate}
          </p>
        ) : null}
      </div>
    </div>
  );
}
