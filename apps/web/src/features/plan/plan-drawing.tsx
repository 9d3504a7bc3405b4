import { UnstyledButton, useComputedColorScheme } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import type { Plan } from '@strata/contract';
import { IconDots } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import { words } from '../../lib/words.ts';
import { colourOf, type LayerColours } from '../layers/layer-colours.ts';
import { previewColours } from '../layers/remembered-colours.ts';
import {
  type AlignedRow,
  alignChains,
  type Fold,
  type FoldedRow,
  foldAlike,
  foldKey,
} from './align-chains.ts';
import { MoveArrows } from './move-arrows.tsx';
import classes from './plan-drawing.module.css';
import { PlanLayerBox } from './plan-layer-box.tsx';

export type PlanLayer = Plan['before'][number]['layers'][number];

/** The rows have one height, so that arrows find them without measuring; names take two lines where it is narrow. */
const wideRow = 62;
const narrowRow = 104;

interface PlanDrawingProps {
  plan: Plan;
  /** Which disk a chain is of, by its uppermost layer; said where there are several. */
  diskOf?: ((tipId: string) => string | null) | undefined;
}

/** Each chain that changes, before and after side by side. */
export function PlanDrawing({ plan, diskOf }: PlanDrawingProps) {
  const pairs = Math.max(plan.before.length, plan.after.length);
  if (pairs === 0) return <p>{words.plan.nothingChanges}</p>;
  return Array.from({ length: pairs }, (_, index) => {
    const before = plan.before[index]?.layers ?? [];
    const after = plan.after[index]?.layers ?? [];
    const key = `${before[0]?.imageId ?? ''} ${after[0]?.imageId ?? ''}`;
    const disk = pairs > 1 ? diskOf?.(before[0]?.imageId ?? '') : null;
    return <ChainPair key={key} plan={plan} before={before} after={after} disk={disk ?? null} />;
  });
}

interface ChainPairProps {
  plan: Plan;
  before: readonly PlanLayer[];
  after: readonly PlanLayer[];
  disk: string | null;
}

function ChainPair({ plan, before, after, disk }: ChainPairProps) {
  const scheme = useComputedColorScheme('dark');
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set());
  const rows = useMemo(() => {
    const touched = new Set(plan.moves.flatMap(({ from, to }) => [from, to]));
    const rows = alignChains(before, after);
    for (const row of rows) if (isSmaller(row)) touched.add(row.before?.imageId ?? '');
    return foldAlike(rows, touched, opened);
  }, [plan, before, after, opened]);
  const colours: LayerColours = useMemo(() => {
    const known = before.map(({ imageId }) => imageId);
    const added = after.map(({ imageId }) => imageId).filter((id) => !known.includes(id));
    return previewColours([...added, ...known]);
  }, [before, after]);
  const colour = (imageId: string) => colourOf(colours, imageId, scheme);
  const deleted = new Set(plan.deletes.map(({ imageId }) => imageId));
  const newId = after.find(({ isNew }) => isNew === true)?.imageId ?? null;
  // A layer that several branches stand on gives its data to each of them; here one of these is drawn.
  const moves = plan.moves.filter(({ to }) => [...before, ...after].some(({ imageId }) => imageId === to));
  const rowHeight = useMediaQuery('(max-width: 48rem)') ? narrowRow : wideRow;
  return (
    <div className={classes.pair}>
      {disk === null ? null : <h3 className={classes.disk}>{words.layers.diskTitle(disk)}</h3>}
      <div className={classes.heads} aria-hidden>
        <span />
        <span>{words.plan.before}</span>
        <span>{words.plan.after}</span>
      </div>
      <div className={classes.body} style={{ '--row': `${rowHeight}px` }}>
        <MoveArrows rows={rows} moves={moves} rowHeight={rowHeight} />
        <ul className={classes.rows}>
          {rows.map((row) => (
            <li key={rowKey(row)} className={classes.row}>
              {'folded' in row ? (
                <FoldLine fold={row} onOpen={() => setOpened(new Set([...opened, foldKey(row)]))} />
              ) : (
                <Row row={row} plan={plan} moves={moves} newId={newId} colour={colour} deleted={deleted} />
              )}
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}

const rowKey = (row: FoldedRow<PlanLayer>) =>
  'folded' in row ? `fold ${foldKey(row)}` : `${row.before?.imageId ?? ''} ${row.after?.imageId ?? ''}`;

/** Many layers as a line, with the way to see each. */
function FoldLine({ fold, onOpen }: { fold: Fold<PlanLayer>; onOpen: () => void }) {
  return (
    <UnstyledButton className={classes.folded} onClick={onOpen}>
      <IconDots size={16} aria-hidden /> {words.plan.folded[fold.fate](fold.folded.length)}{' '}
      <span className={classes.unfold}>{words.plan.unfold}</span>
    </UnstyledButton>
  );
}

interface RowProps {
  row: AlignedRow<PlanLayer>;
  plan: Plan;
  moves: Plan['moves'];
  newId: string | null;
  colour: (imageId: string) => string;
  deleted: ReadonlySet<string>;
}

function Row({ row, plan, moves, newId, colour, deleted }: RowProps) {
  const { before, after } = row;
  const received = moves.filter(({ to }) => to === after?.imageId).reduce((sum, { bytes }) => sum + bytes, 0);
  const lost = new Set(plan.losesSnapshots.map(({ id }) => id));
  const created = after !== null && after.imageId === newId;
  const relocated = after !== null && plan.relocates?.imageId === after.imageId ? plan.relocates.to : null;
  const shrinks = plan.gain !== undefined && isSmaller(row);
  return (
    <>
      {before === null ? (
        <div className={classes.gap} />
      ) : (
        <PlanLayerBox
          layer={before}
          colour={colour(before.imageId)}
          lost={lost}
          label={words.plan.before}
          note={leavesNote(plan, moves, before.imageId)}
          tone={after === null ? 'leaving' : 'staying'}
        />
      )}
      {after === null ? (
        <div className={classes.gap} data-gone>
          {before !== null && deleted.has(before.imageId)
            ? words.plan[
                plan.operation === 'revert' ? 'fileTrashed' : plan.toTrash ? 'fileToTrash' : 'fileDeleted'
              ]
            : words.plan[plan.operation === 'promote' ? 'staysBranch' : 'leaves']}
        </div>
      ) : (
        <PlanLayerBox
          layer={{ ...after, snapshots: after.snapshots.filter(({ id }) => !lost.has(id)) }}
          colour={colour(after.imageId)}
          lost={lost}
          label={words.plan.after}
          note={afterNote()}
          tone={received > 0 || created || shrinks || relocated !== null ? 'changed' : 'staying'}
        />
      )}
    </>
  );

  function afterNote(): string | null {
    if (received > 0) return words.plan.grows(received);
    if (relocated !== null) return words.plan.inFolder(relocated);
    if (created) return words.plan.newLayer;
    return shrinks && plan.gain ? words.plan.gives(plan.gain.bytes, plan.gain.exact) : null;
  }
}

/** A layer that is compacted. */
const isSmaller = ({ before, after }: AlignedRow<PlanLayer>): boolean =>
  before !== null && after !== null && after.allocatedBytes < before.allocatedBytes;

/** In words what the arrow shows, for readers and for narrow windows. */
function leavesNote(plan: Plan, moves: Plan['moves'], imageId: string): string | null {
  const move = moves.find(({ from }) => from === imageId);
  if (move === undefined) return null;
  const chains = [...plan.before, ...plan.after].flatMap(({ layers }) => layers);
  const to = chains.find((layer) => layer.imageId === move.to)?.name ?? move.to;
  return words.plan.movesTo(move.bytes, to);
}
