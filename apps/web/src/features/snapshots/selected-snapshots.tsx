import type { Snapshot } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import { imagesQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { Bytes } from '../../ui/bytes.tsx';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import type { SnapshotActs } from './snapshot-acts.ts';
import classes from './snapshot-details.module.css';
import { Fact } from './snapshot-facts.tsx';

/** More are counted. */
const named = 12;

interface SelectedSnapshotsProps {
  /** What is selected, the state now included. */
  ids: readonly string[];
  chosen: readonly Snapshot[];
  acts: SnapshotActs;
}

/** Several at once, and what they hold together. */
export function SelectedSnapshots({ ids, chosen, acts }: SelectedSnapshotsProps) {
  const { selected, facts, actions } = words.snapshots;
  const [from, to] = ids;
  const rest = chosen.length - named;
  return (
    <div className={classes.details}>
      <h2 className={classes.name}>{selected.title(ids.length)}</h2>
      <div className={classes.buttons}>
        {from !== undefined && to !== undefined && ids.length === 2 ? (
          <ReasonedButton size="compact-md" onClick={() => acts.open({ kind: 'compare', from, to })}>
            {words.snapshots.compare.open}
          </ReasonedButton>
        ) : null}
        <ReasonedButton
          size="compact-md"
          variant="default"
          className={classes.delete ?? ''}
          reason={acts.refusal}
          onClick={() => acts.open({ kind: 'delete', snapshots: chosen })}
        >
          {actions.delete}
        </ReasonedButton>
      </div>
      <dl className={classes.facts}>
        <Fact label={facts.own}>
          <OwnData chosen={chosen} />
        </Fact>
        <Fact label={selected.which}>
          <ul className={classes.disks}>
            {chosen.slice(0, named).map(({ id, name }) => (
              <li key={id}>{name}</li>
            ))}
            {rest > 0 ? <li className={classes.why}>{selected.more(rest)}</li> : null}
          </ul>
        </Fact>
      </dl>
    </div>
  );
}

/** Several may point to one layer: it counts once, and not for those that lie inside it. */
function OwnData({ chosen }: { chosen: readonly Snapshot[] }) {
  const images = useQuery(imagesQuery()).data?.items;
  const inside = chosen.filter(({ kind }) => kind === 'internal').map(({ sizes }) => sizes.own);
  if (inside.includes(null)) return words.snapshots.facts.notKnown;
  const external = chosen.filter(({ kind }) => kind === 'external');
  const layers = new Set(external.flatMap(({ disks }) => disks.map(({ imageId }) => imageId)));
  const own = (images ?? []).filter(({ id }) => layers.has(id)).map(({ allocatedSize }) => allocatedSize);
  return <Bytes value={[...own, ...inside].reduce<number>((sum, bytes) => sum + (bytes ?? 0), 0)} />;
}
