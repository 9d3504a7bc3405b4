import { chainIds, type Forest } from '@strata/backing-chain';
import type { AdoptSnapshot, FoundSnapshot, Snapshot } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { transaction } from '../../db/open-database.ts';
import { newId } from '../../new-id.ts';
import { foundPoints } from './found-points.ts';
import { snapshotsRepository } from './snapshots.repository.ts';
import type { SnapshotsDeps } from './snapshots.service.ts';
import type { StoredSnapshot } from './snapshots.types.ts';

type Point = Pick<StoredSnapshot, 'createdAt' | 'disks'>;

/**
 * Whether one restore point was made later than the other: it shows a layer above the other's, or the same layer, of
 * which a tag shows a moment before it was frozen.
 */
const isAfter = (forest: Forest, later: Point, earlier: Point): boolean =>
  later.disks.some(({ diskId, imageId, internalTag }) => {
    const other = earlier.disks.find((disk) => disk.diskId === diskId);
    if (other === undefined) return false;
    if (other.imageId !== imageId) return chainIds(forest, imageId).includes(other.imageId);
    const frozen = [internalTag, other.internalTag].map((tag) => tag === null);
    return frozen[0] === frozen[1] ? later.createdAt > earlier.createdAt : frozen[0] === true;
  });

const parentOf = (forest: Forest, all: readonly StoredSnapshot[], point: Point): StoredSnapshot | null => {
  const before = all.filter((snapshot) => isAfter(forest, point, snapshot));
  return before.findLast((one) => !before.some((other) => isAfter(forest, other, one))) ?? null;
};

const storedOf = (deps: SnapshotsDeps, vmId: string, found: FoundSnapshot, name: string): StoredSnapshot => {
  const { tag = null, kind, memory, disks, createdAt } = found;
  const [first] = disks;
  const inside = first === undefined ? [] : deps.images.get(first.imageId).internalSnapshots;
  const size = inside.find((known) => known.tag === tag)?.vmStateSize ?? 0;
  return {
    ...{ id: newId(), vmId, parentId: null, name, description: '', memory },
    kind: kind === 'internal' ? 'internal' : 'external',
    consistency: memory ? 'memory' : 'crash',
    // Nobody knows: then it is not called a clean shutdown.
    ...{ vmWasOff: false, pauseMs: null, screenshot: null, origin: 'found' },
    createdAt: createdAt ?? new Date().toISOString(),
    ...{ definition: null, varsFile: null, memoryFile: null, memoryBytes: memory ? size : null },
    disks: disks.map((disk) => ({ ...disk, internalTag: tag })),
  };
};

/** A restore point that another tool made gets a name and its place in the tree. No file is touched. */
export const adoptFound = async (
  deps: SnapshotsDeps,
  vmId: string,
  { imageId, tag, name }: AdoptSnapshot,
): Promise<Snapshot['id']> => {
  const { db, images, vms, operations } = deps;
  vms.get(vmId);
  await images.scan();
  const repository = snapshotsRepository(db);
  const forest = images.forest();
  const found = foundPoints(forest, vms.get(vmId), images.get).find(
    (point) => point.tag === tag && point.disks.some((disk) => disk.imageId === imageId),
  );
  if (found === undefined)
    throw new AppError(
      'not-found',
      'There is no such restore point of another tool on the disks of this VM, or it has been adopted already.',
    );
  if (!found.possible) throw new AppError('not-possible', found.reason ?? 'It cannot be adopted.');
  const working = operations.activeOn({ vms: [vmId], images: found.disks.map((disk) => disk.imageId) });
  if (working !== null)
    throw new AppError('operation-running', `“${working.title}” is working on this. Wait for it to end.`);
  const stored = storedOf(deps, vmId, found, (name ?? found.name).slice(0, 100));
  const all = repository.ofVm(vmId);
  const parent = parentOf(forest, all, stored);
  const after = all.filter(
    ({ parentId, ...point }) => parentId === (parent?.id ?? null) && isAfter(forest, point, stored),
  );
  const current = all.find(({ id }) => id === vms.currentSnapshot(vmId));
  transaction(db, () => {
    repository.insert({ ...stored, parentId: parent?.id ?? null });
    for (const { id } of after) repository.reparent(id, stored.id);
    if (current === undefined || isAfter(forest, stored, current)) vms.setCurrentSnapshot(vmId, stored.id);
  });
  deps.events.publish({ type: 'snapshot', id: stored.id, change: 'created' });
  return stored.id;
};
