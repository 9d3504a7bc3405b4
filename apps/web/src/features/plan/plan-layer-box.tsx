import { words } from '../../lib/words.ts';
import { Bytes } from '../../ui/bytes.tsx';
import classes from './plan-drawing.module.css';
import type { PlanLayer } from './plan-drawing.tsx';

interface PlanLayerBoxProps {
  layer: PlanLayer;
  colour: string;
  label: string;
  note: string | null;
  tone: 'staying' | 'leaving' | 'changed';
  /** Snapshots that the plan loses: struck out where they stand. */
  lost: ReadonlySet<string>;
}

export function PlanLayerBox({ layer, colour, label, note, tone, lost }: PlanLayerBoxProps) {
  return (
    <div className={classes.box} data-tone={tone} style={{ '--layer': colour }}>
      <span className="visually-hidden">{label}: </span>
      <span className={classes.name} title={layer.name}>
        {layer.name}
      </span>
      <span className={classes.size}>
        <Bytes value={layer.allocatedBytes} />
      </span>
      <span className={classes.note}>
        {note === null ? null : <span className={classes.moving}>{note}</span>}
        {layer.activeOf.length > 0 ? (
          <span>{words.plan.activeOf(layer.activeOf.map(({ name }) => name))}</span>
        ) : null}
        {layer.snapshots.map(({ id, name }) =>
          lost.has(id) ? (
            <del key={id} className={classes.lost}>
              ● {name}
            </del>
          ) : (
            <span key={id} className={classes.kept}>
              ● {name}
            </span>
          ),
        )}
      </span>
    </div>
  );
}
