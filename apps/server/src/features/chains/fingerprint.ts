import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { type ChainPlan, type Forest, type LayerId, standsOn, withDescendants } from '@strata/backing-chain';

/** Layers a running VM writes: their size, time and contents change all the time, and no plan depends on that. */
const written = (forest: Forest): ReadonlySet<LayerId> =>
  new Set(forest.disks.filter((disk) => disk.running).map((disk) => disk.imageId));

const identityOf = async (path: string, frozen: boolean): Promise<readonly string[]> => {
  try {
    const { dev, ino, size, mtimeNs } = await stat(path, { bigint: true });
    return (frozen ? [dev, ino, size, mtimeNs] : [dev, ino]).map(String);
  } catch {
    return ['gone'];
  }
};

/** The layers whose facts or readers a plan depends on: its chains, and all that stands on what it changes. */
const concerned = (forest: Forest, plan: ChainPlan): LayerId[] => {
  const ids = new Set([...plan.before, ...plan.after].flat());
  for (const id of [plan.grows.layer, ...plan.deletes, ...plan.relinks.map(({ layer }) => layer)])
    for (const layer of withDescendants(forest, id)) ids.add(layer.id);
  return [...ids].sort();
};

/**
 * Of everything a plan was computed from: the request, the facts and the identity of the files, who stands on what,
 * what runs. Not of what changes while a VM merely runs.
 */
export const fingerprintOf = async (forest: Forest, plan: ChainPlan, request: unknown): Promise<string> => {
  const active = written(forest);
  const layers = await Promise.all(
    concerned(forest, plan).map(async (id) => {
      const layer = forest.layers.get(id);
      if (layer === undefined) return [id];
      const { path, format, virtualSize, backingId, backingState, writable, present } = layer;
      return [
        ...[id, path, format, virtualSize, backingId, backingState, writable, present],
        layer.internalSnapshots.map((snapshot) => snapshot.tag),
        await identityOf(path, !active.has(id)),
        standsOn(forest, id)
          .map((standing) => `${standing.kind} ${standing.subject.id}`)
          .sort(),
        forest.disks
          .filter((disk) => disk.imageId === id)
          .map((disk) => [disk.vmId, disk.diskId, disk.running, disk.suspended]),
      ];
    }),
  );
  const everything = JSON.stringify([
    request,
    layers,
    forest.complete,
    plan.liveVm,
    ...(plan.method === undefined ? [] : [plan.method]),
    ...(plan.relocates === undefined ? [] : [plan.relocates]),
    plan.deletes,
    plan.blockers.map((blocker) => blocker.code),
  ]);
  return createHash('sha256').update(everything).digest('base64url');
};
