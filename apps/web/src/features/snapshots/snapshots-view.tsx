import { Button } from '@mantine/core';
import type { Snapshot, SnapshotTree as Tree, Vm } from '@strata/contract';
import { IconArrowUp } from '@tabler/icons-react';
import { useMemo, useRef, useState } from 'react';
import { words } from '../../lib/words.ts';
import { flatSnapshots } from './flat-snapshots.ts';
import { FoundSnapshots } from './found-snapshots.tsx';
import { HereDetails } from './here-details.tsx';
import { RunningWork } from './running-work.tsx';
import { ScheduleLine } from './schedule-line.tsx';
import { SelectedSnapshots } from './selected-snapshots.tsx';
import type { SnapshotAct, SnapshotActs } from './snapshot-acts.ts';
import { SnapshotBar } from './snapshot-bar.tsx';
import { SnapshotDetails } from './snapshot-details.tsx';
import { SnapshotDialogs } from './snapshot-dialogs.tsx';
import { hereId, snapshotRows } from './snapshot-rows.ts';
import { SnapshotTree } from './snapshot-tree.tsx';
import classes from './snapshots-view.module.css';
import { selectOne } from './tree-selection.ts';
import { TreeTools } from './tree-tools.tsx';
import { useTreeSelection } from './use-tree-selection.ts';
import { useVmWork } from './use-vm-work.ts';

/** The tree of restore points, and beside it what is known of the selected one. */
export function SnapshotsView({ vm, tree }: { vm: Vm; tree: Tree }) {
  const all = useMemo(() => flatSnapshots(tree), [tree]);
  const byId = useMemo(() => new Map(all.map((snapshot) => [snapshot.id, snapshot])), [all]);
  const [selection, select] = useTreeSelection(vm.id, all);
  const [search, setSearch] = useState('');
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set());
  const [act, setAct] = useState<SnapshotAct | null>(null);
  const [editing, setEditing] = useState<string | null>(null);
  const [several, setSeveral] = useState(false);
  const treeRef = useRef<HTMLElement>(null);
  const panelRef = useRef<HTMLElement>(null);
  const rows = useMemo(
    () => snapshotRows(tree, { folded, matches: search === '' ? undefined : matching(search) }),
    [tree, folded, search],
  );
  const work = useVmWork(vm.id);
  const acts: SnapshotActs = { open: setAct, refusal: work.refusal };
  const focused = byId.get(selection.focus);
  const chosen = selection.ids.flatMap((id) => byId.get(id) ?? []);
  const current = byId.get(tree.current.snapshotId ?? '') ?? null;
  return (
    <div className={classes.frame}>
      <div className={classes.view}>
        <div className={classes.column}>
          <section ref={treeRef} className={classes.ground} aria-label={words.snapshots.title}>
            <TreeTools
              rows={rows}
              count={all.length}
              search={search}
              onSearch={setSearch}
              folded={folded}
              onFolded={setFolded}
              thinRefusal={current?.parentId == null ? undefined : work.refusal}
              onThin={() => setAct({ kind: 'delete', snapshots: [] })}
            />
            <RunningWork work={work.operations} />
            <SnapshotTree
              rows={rows}
              vm={vm}
              changed={tree.current.changed}
              search={search}
              selection={selection}
              several={several}
              busyIds={work.subjects}
              onSelection={select}
              onFold={(id) => setFolded(toggled(folded, id))}
              onRevert={() =>
                focused && work.refusal === null && setAct({ kind: 'revert', snapshot: focused })
              }
              onDelete={() =>
                chosen.length > 0 && work.refusal === null && setAct({ kind: 'delete', snapshots: chosen })
              }
              onRename={() => setEditing(focused?.id ?? null)}
            />
            <ScheduleLine vm={vm} />
            <FoundSnapshots
              vm={vm}
              found={tree.found}
              refusal={work.refusal}
              onAdopted={(id) => select(selectOne(id))}
            />
          </section>
          <SnapshotBar
            names={selection.ids.map((id) =>
              id === hereId ? words.snapshots.here : (byId.get(id)?.name ?? ''),
            )}
            isSeveral={several}
            onSeveral={setSeveral}
            onDetails={() => enter(panelRef.current)}
          />
        </div>
        <aside ref={panelRef} tabIndex={-1} className={classes.panel} aria-label={words.snapshots.details}>
          <Button
            size="compact-sm"
            variant="subtle"
            className={classes.back ?? ''}
            leftSection={<IconArrowUp size={14} aria-hidden />}
            onClick={() => enter(treeRef.current?.querySelector<HTMLElement>('[role="tree"]') ?? null)}
          >
            {words.snapshots.toTree}
          </Button>
          {selection.ids.length > 1 ? (
            <SelectedSnapshots ids={selection.ids} chosen={chosen} acts={acts} />
          ) : focused === undefined ? (
            <HereDetails vm={vm} from={current} changed={tree.current.changed} />
          ) : (
            <SnapshotDetails
              key={focused.id}
              vm={vm}
              snapshot={focused}
              parent={byId.get(focused.parentId ?? '') ?? null}
              acts={acts}
              isEditing={editing === focused.id}
              onEdit={(isEditing) => setEditing(isEditing ? focused.id : null)}
              onSelect={(id) => select(selectOne(id))}
            />
          )}
        </aside>
      </div>
      <SnapshotDialogs
        act={act}
        vm={vm}
        byId={byId}
        currentId={tree.current.snapshotId}
        onClose={() => setAct(null)}
      />
    </div>
  );
}

/** The keyboard goes along: what is read on from there is what is seen. */
function enter(part: HTMLElement | null): void {
  part?.focus({ preventScroll: true });
  part?.scrollIntoView({ block: 'start' });
}

const matching = (search: string) => {
  const wanted = search.toLowerCase();
  return ({ name, description }: Snapshot) =>
    name.toLowerCase().includes(wanted) || description.toLowerCase().includes(wanted);
};

function toggled(folded: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(folded);
  if (!next.delete(id)) next.add(id);
  return next;
}
