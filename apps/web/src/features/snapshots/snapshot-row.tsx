// biome-ignore-all lint/a11y/useFocusableInteractive: the tree has the focus, and says which row is meant
// biome-ignore-all lint/a11y/useKeyWithClickEvents: the tree takes the keys of all its rows
import type { Snapshot, Vm } from '@strata/contract';
import { IconChevronRight } from '@tabler/icons-react';
import type { MouseEvent } from 'react';
import { words } from '../../lib/words.ts';
import { Bytes } from '../../ui/bytes.tsx';
import { When } from '../../ui/when.tsx';
import { sinceWords } from './since-words.ts';
import { SnapshotGraph } from './snapshot-graph.tsx';
import { kindOf, originOf, worthOf } from './snapshot-kind.ts';
import classes from './snapshot-row.module.css';
import type { SnapshotRow as Row } from './snapshot-rows.ts';
import { useSnapshotPicture } from './use-snapshot-picture.ts';

interface SnapshotRowProps {
  row: Row;
  domId: string;
  columns: number;
  vm: Vm;
  changed: boolean;
  search: string;
  selected: boolean;
  focused: boolean;
  /** An operation is at work on it. */
  busy: boolean;
  onSelect: (id: string, event: MouseEvent) => void;
  onFold: (id: string) => void;
}

/** A restore point in the tree, in two lines, or "You are here". */
export function SnapshotRow(props: SnapshotRowProps) {
  const { row, columns, vm, changed, selected, focused, busy, onSelect, onFold } = props;
  const { snapshot } = row;
  return (
    <div
      role="treeitem"
      id={props.domId}
      className={classes.row}
      aria-level={row.level}
      aria-posinset={row.place}
      aria-setsize={row.places}
      aria-selected={selected}
      aria-current={snapshot === null || undefined}
      aria-busy={busy || undefined}
      {...(row.foldable ? { 'aria-expanded': row.hidden === 0 } : {})}
      data-focused={focused || undefined}
      data-selected={selected || undefined}
      data-side={(row.parentLane !== null && row.lane !== row.parentLane) || undefined}
      onClick={(event) => onSelect(row.id, event)}
    >
      <SnapshotGraph row={row} columns={columns} />
      <span
        className={classes.twisty}
        data-shown={row.hidden > 0 || undefined}
        data-open={row.hidden === 0 || undefined}
        aria-hidden
        onClick={(event) => {
          if (!row.foldable) return;
          event.stopPropagation();
          onFold(row.id);
        }}
      >
        {row.foldable ? <IconChevronRight size={15} /> : null}
      </span>
      {snapshot === null ? (
        <span className={classes.text}>
          <span className={classes.head}>
            <strong className={classes.here}>{words.snapshots.here}</strong>
          </span>
          <span className={classes.facts} data-changed={changed || undefined}>
            {sinceWords(vm, changed)}
          </span>
        </span>
      ) : (
        <SnapshotText snapshot={snapshot} vm={vm} row={row} search={props.search} />
      )}
    </div>
  );
}

interface SnapshotTextProps {
  snapshot: Snapshot;
  vm: Vm;
  row: Row;
  search: string;
}

function SnapshotText({ snapshot, vm, row, search }: SnapshotTextProps) {
  const kind = kindOf(snapshot);
  const origin = originOf(snapshot);
  const { snapshots } = words;
  return (
    <>
      <span className={classes.text}>
        <span className={classes.head}>
          <span className={classes.kind} title={kind.text}>
            <kind.Icon size={15} aria-hidden />
            <span className="visually-hidden">{kind.text}</span>
          </span>
          <span className={classes.name} title={snapshot.name}>
            <Marked text={snapshot.name} search={search} />
          </span>
          {origin === null ? null : (
            <span className={classes.origin} title={origin.text}>
              <origin.Icon size={13} aria-hidden />
              <span className="visually-hidden">{origin.text}</span>
            </span>
          )}
          {row.hidden > 0 ? (
            <span className={classes.folded}>{snapshots.folded(row.hidden, row.hidesHere)}</span>
          ) : null}
        </span>
        <span className={classes.facts}>
          {snapshot.disks.length < vm.disks.length ? (
            <span className={classes.partly}>
              {snapshots.onlyDisks(snapshot.disks.length, vm.disks.length)}
            </span>
          ) : null}
          <span>{snapshots.consistency[worthOf(snapshot)]}</span>
          {snapshot.description === '' ? null : (
            <span className={classes.description} title={snapshot.description}>
              <Marked text={snapshot.description} search={search} />
            </span>
          )}
        </span>
      </span>
      {snapshot.hasScreenshot ? <Thumbnail vmId={vm.id} snapshotId={snapshot.id} /> : null}
      <span className={classes.numbers}>
        <When at={snapshot.createdAt} />
        <span className={classes.sizes}>
          {snapshot.sizes.freed ? (
            <span className={classes.freed}>{snapshots.frees(snapshot.sizes.freed)}</span>
          ) : null}
          {snapshot.sizes.own === null ? (
            <span className={classes.size} title={snapshots.facts.notKnown}>
              –
            </span>
          ) : (
            <Bytes value={snapshot.sizes.own} className={classes.size ?? ''} />
          )}
        </span>
      </span>
    </>
  );
}

function Thumbnail({ vmId, snapshotId }: { vmId: string; snapshotId: string }) {
  const url = useSnapshotPicture(vmId, snapshotId);
  return url === null ? (
    <span className={classes.thumbnail} />
  ) : (
    <img className={classes.thumbnail} src={url} alt="" />
  );
}

/** The text with what was looked for marked in it. */
function Marked({ text, search }: { text: string; search: string }) {
  const at = search === '' ? -1 : text.toLowerCase().indexOf(search.toLowerCase());
  if (at < 0) return text;
  return (
    <>
      {text.slice(0, at)}
      <mark className={classes.found}>{text.slice(at, at + search.length)}</mark>
      {text.slice(at + search.length)}
    </>
  );
}
