import {
  type Blocker,
  type ChainPlan,
  chainIds,
  type Forest,
  type Layer,
  type LayerId,
} from '@strata/backing-chain';
import { type LockHolder, lockHolders, openWords } from '../../qemu/lock-holder.ts';

/** What is written by others than the VM whose QEMU holds it open: by a storage daemon or by qemu-img. */
const writtenOutside = (forest: Forest, plan: ChainPlan): LayerId[] => {
  if (plan.parts !== undefined) return plan.parts.flatMap((part) => writtenOutside(forest, part));
  const disk = forest.disks.find(
    ({ vmId, diskId }) => vmId === plan.liveVm?.vmId && diskId === plan.liveVm.diskId,
  );
  const held = disk === undefined ? [] : chainIds(forest, disk.imageId);
  return [plan.grows.layer, ...plan.relinks.map(({ layer }) => layer)].filter((id) => !held.includes(id));
};

/**
 * A program that Strata knows nothing of has a layer open: a VM that somebody started by hand, a qemu-img. Seen by
 * QEMU's lock on the file. VMs and operations of our own are blockers of their own, with better words.
 */
export const lockBlockers = async (forest: Forest, plan: ChainPlan): Promise<Blocker[]> => {
  if (plan.blockers.length > 0) return [];
  const open = new Map<number, { holder: LockHolder; layers: Layer[] }>();
  const layers = [...new Set(writtenOutside(forest, plan))].flatMap((id) => forest.layers.get(id) ?? []);
  if (layers.length === 0) return [];
  const holders = await lockHolders(layers.map(({ path }) => path));
  for (const [at, layer] of layers.entries()) {
    const holder = holders[at] ?? null;
    // A look that we take ourselves at the same moment is over before anything is run.
    if (holder === null || holder.isOurs) continue;
    open.set(holder.pid, { holder, layers: [...(open.get(holder.pid)?.layers ?? []), layer] });
  }
  return [...open.values()].map(({ holder, layers: held }) => ({
    code: 'image-locked',
    message: openWords(holder, ...held),
    subjects: held.map(({ id, name }) => ({ kind: 'image', id, name })),
  }));
};
