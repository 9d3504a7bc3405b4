import { createHash } from 'node:crypto';
import { type Forest, standsOn } from '@strata/backing-chain';
import type { Operation, Plan, Vm } from '@strata/contract';
import type { StoredSnapshot } from './snapshots.types.ts';

/** Dropping the name of a snapshot: no layer changes. Layers that only this name stood on are listed. */
export const forgetView = (
  forest: Forest,
  snapshot: StoredSnapshot,
  vm: Vm,
  working: Operation | null,
): Plan => {
  const ids = [...new Set(snapshot.disks.map((disk) => disk.imageId))];
  const unused = ids.flatMap((id) => {
    const layer = forest.layers.get(id);
    const others = standsOn(forest, id).filter(({ subject }) => subject.id !== snapshot.id);
    return layer === undefined || others.length > 0
      ? []
      : [{ imageId: id, name: layer.name, path: layer.path, bytes: layer.allocatedBytes }];
  });
  const layers = ids.map((id) => `“${forest.layers.get(id)?.name ?? id}”`).join(', ');
  return {
    fingerprint: createHash('sha256')
      .update(JSON.stringify([snapshot, vm.current]))
      .digest('base64url'),
    operation: 'forget',
    live: false,
    before: [],
    after: [],
    moves: [],
    bytesToMove: 0,
    freeSpaceNeeded: 0,
    freeSpace: null,
    deletes: [],
    losesSnapshots: [{ id: snapshot.id, name: snapshot.name }],
    relinks: [],
    switches: [],
    nowUnused: unused,
    blockers:
      working === null
        ? []
        : [
            {
              code: 'operation-running',
              message: `“${working.title}” is working on this VM. Wait for it to end.`,
              subjects: [{ kind: 'operation', id: working.id, name: working.title }],
            },
          ],
    steps: [`Forget “${snapshot.name}”; ${layers} stay${ids.length === 1 ? 's' : ''} as it is`],
    commands: [],
  };
};
