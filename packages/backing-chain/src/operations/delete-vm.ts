import { chainIds, depthOf, type Forest, type LayerId } from '../forest.ts';
import { standsOn } from '../stands.ts';

export interface DeleteVmPlan {
  /** Top first: to the trash, in this order. */
  readonly goes: readonly LayerId[];
  /** The other layers of its chains, with the names of what stands on each; of nothing: what the VM was made from. */
  readonly stays: readonly { readonly layer: LayerId; readonly because: readonly string[] }[];
  readonly snapshots: readonly { readonly id: string; readonly name: string }[];
}

/**
 * A VM goes with its disks. Its own are its active layers and those of its snapshots, as far as nothing else stands on
 * them; what it was made from is not its own.
 *
 *     active (goes)   branch ● its own (goes)
 *        └────────┬──────────┘
 *                s1 ● (stays: the overlay of another VM stands on it) ── other
 *               base (stays)
 */
export function planDeleteVm(forest: Forest, vmId: string): DeleteVmPlan {
  const disks = forest.disks.filter((disk) => disk.vmId === vmId);
  const snapshots = forest.snapshots.filter((use) => use.vmId === vmId);
  const own = new Set([...disks, ...snapshots].map(({ imageId }) => imageId));
  const without: Forest = {
    ...forest,
    disks: forest.disks.filter((disk) => disk.vmId !== vmId),
    media: forest.media.filter((use) => use.vmId !== vmId),
    snapshots: forest.snapshots.filter((use) => use.vmId !== vmId),
  };
  const gone = new Set<LayerId>();
  const stays: DeleteVmPlan['stays'][number][] = [];
  const layers = [...new Set([...own].flatMap((id) => chainIds(forest, id)))]
    .map((id) => ({ id, depth: depthOf(forest, id) }))
    .sort((one, other) => other.depth - one.depth);
  for (const { id } of layers) {
    const needs = standsOn(without, id).filter(
      // Tags go with the file; what lies in the trash can still be restored, after this.
      ({ kind, subject }) =>
        kind !== 'trash' && kind !== 'internal-snapshot' && !(kind === 'overlay' && gone.has(subject.id)),
    );
    if (own.has(id) && needs.length === 0) gone.add(id);
    else stays.push({ layer: id, because: [...new Set(needs.map(({ subject }) => subject.name))] });
  }
  return {
    goes: [...gone],
    stays,
    snapshots: [...new Map(snapshots.map(({ snapshotId, name }) => [snapshotId, name]))].map(
      ([id, name]) => ({
        id,
        name,
      }),
    ),
  };
}
