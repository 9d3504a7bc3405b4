import { createHash } from 'node:crypto';
import { type DeleteSnapshotsPlan, type Forest, type LayerId, standsOn } from '@strata/backing-chain';
import type { Plan } from '@strata/contract';
import { shellWord } from '../../shell-word.ts';
import type { PreparedMerges } from '../chains/chains.types.ts';
import type { StoredSnapshot } from './snapshots.types.ts';

const list = (names: readonly string[]): string =>
  names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
const quoted = (names: readonly string[]): string => list(names.map((name) => `“${name}”`));

/** `memory`: what goes of saved memory. What the files that go take now, without what those that grow may grow by at the most. */
export const freedBy = (
  forest: Forest,
  { deletes, parts = [] }: DeleteSnapshotsPlan,
  memory: number,
): number => {
  const goes = deletes.reduce((sum, id) => sum + (forest.layers.get(id)?.allocatedBytes ?? 0), 0);
  const grows = parts.reduce((sum, part) => sum + part.grows.bytes, 0);
  return Math.max(0, goes - grows) + memory;
};

const nameIn =
  (forest: Forest) =>
  (id: LayerId): string =>
    forest.layers.get(id)?.name ?? id;

const filesWords = (snapshots: readonly StoredSnapshot[]): string => {
  const has = [
    ...(snapshots.some(({ memoryFile }) => memoryFile !== null) ? ['its memory'] : []),
    ...(snapshots.some(({ screenshot }) => screenshot !== null) ? ['its picture'] : []),
    ...(snapshots.some(({ varsFile }) => varsFile !== null) ? ['its UEFI variables'] : []),
  ];
  return has.length === 0 ? '' : `, with ${list(has)}`;
};

/** The steps of the operation: one a merge, then the restore points, then the files. */
export const deleteSteps = (
  forest: Forest,
  { disposals, keeps }: DeleteSnapshotsPlan,
  snapshots: readonly StoredSnapshot[],
  merges: readonly string[],
): string[] => {
  const name = nameIn(forest);
  const stays = quoted(keeps.map(({ layer }) => name(layer)));
  const kept = keeps.length === 0 ? '' : `; ${stays} ${keeps.length === 1 ? 'stays' : 'stay'} as it is`;
  const trashed = disposals.filter(({ toTrash }) => toTrash).map(({ layer }) => name(layer));
  const removed = disposals.filter(({ toTrash }) => !toTrash).map(({ layer }) => name(layer));
  const words = [
    ...(removed.length > 0 ? [`remove ${quoted(removed)}, whose data lives on above`] : []),
    ...(trashed.length > 0 ? [`move ${quoted(trashed)} to the trash`] : []),
  ].join('; ');
  return [
    ...merges,
    `Give up the restore point ${quoted(snapshots.map((snapshot) => snapshot.name))}${filesWords(snapshots)}${kept}`,
    ...(words === '' ? [] : [`${words.charAt(0).toUpperCase()}${words.slice(1)}`]),
  ];
};

const disposalCommands = (forest: Forest, { disposals }: DeleteSnapshotsPlan): string[] =>
  disposals.map(({ layer, toTrash }) => {
    const path = forest.layers.get(layer)?.path ?? '';
    return toTrash ? `# ${path.replace(/\p{Cc}+/gu, ' ')} goes to the trash` : `rm ${shellWord(path)}`;
  });

/** The plan of a deletion, in the form in which all plans are shown. */
export const deleteView = (
  forest: Forest,
  plan: DeleteSnapshotsPlan,
  snapshots: readonly StoredSnapshot[],
  prepared: PreparedMerges,
  memory: number,
): Plan => {
  const inTrash = new Set(plan.disposals.filter(({ toTrash }) => toTrash).map(({ layer }) => layer));
  const { toTrash: _toTrash, ...facts } = prepared.facts;
  return {
    ...facts,
    mode: plan.mode,
    freed: freedBy(forest, plan, memory),
    keeps: plan.keeps.map(({ layer, because }) => ({ imageId: layer, name: nameIn(forest)(layer), because })),
    deletes: facts.deletes.map((file) => ({
      ...file,
      ...(inTrash.has(file.imageId) ? { toTrash: true } : {}),
    })),
    ...(plan.deletes.length > 0 && plan.deletes.every((id) => inTrash.has(id)) ? { toTrash: true } : {}),
    steps: deleteSteps(forest, plan, snapshots, prepared.steps),
    commands: facts.blockers.length > 0 ? [] : [...prepared.commands, ...disposalCommands(forest, plan)],
    ...(plan.merges.length === 0
      ? {}
      : {
          cancelNote:
            'What is merged by then stays merged. A restore point of which a layer has been committed into by then is none any more; all others stay, and everything else reads the same.',
        }),
  };
};

const fingerprintOf = (everything: unknown): string =>
  createHash('sha256').update(JSON.stringify(everything)).digest('base64url');

/** No layer changes. */
const untouched = {
  ...{ live: false, before: [], after: [], moves: [], bytesToMove: 0, freeSpaceNeeded: 0, freeSpace: null },
  ...{ deletes: [], relinks: [], switches: [], blockers: [], commands: [] },
} satisfies Partial<Plan>;

/** The plan of a deletion that means no snapshot; `words`: why. */
export const nothingPlan = (words: string, current: string | null): Plan => ({
  ...untouched,
  fingerprint: fingerprintOf(['nothing', current]),
  operation: 'delete',
  nothing: words,
  losesSnapshots: [],
  nowUnused: [],
  steps: [],
});

/** Dropping names: no layer changes. Layers that only these names stood on are listed. */
export const forgetPlan = (
  forest: Forest,
  snapshots: readonly StoredSnapshot[],
  current: string | null,
  memory: number,
): Plan => {
  const gone = new Set(snapshots.map(({ id }) => id));
  const ids = [...new Set(snapshots.flatMap(({ disks }) => disks.map((disk) => disk.imageId)))];
  const unused = ids.flatMap((id) => {
    const layer = forest.layers.get(id);
    const needed = standsOn(forest, id).some(({ subject }) => !gone.has(subject.id));
    return layer === undefined || needed
      ? []
      : [{ imageId: id, name: layer.name, path: layer.path, bytes: layer.allocatedBytes }];
  });
  const layers = quoted(ids.map(nameIn(forest)));
  return {
    ...untouched,
    fingerprint: fingerprintOf([snapshots, current]),
    operation: 'forget',
    mode: 'forget',
    freed: memory,
    losesSnapshots: snapshots.map(({ id, name }) => ({ id, name })),
    nowUnused: unused,
    steps: [
      `Forget ${quoted(snapshots.map(({ name }) => name))}${filesWords(snapshots)}; ${layers} stay${ids.length === 1 ? 's' : ''} as it is`,
    ],
  };
};
