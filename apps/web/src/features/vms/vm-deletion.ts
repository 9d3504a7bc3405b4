import type { Image, Snapshot, Vm } from '@strata/contract';

export interface Deletion {
  readonly goes: readonly Image[];
  /** With who else stands on it; by nobody: it is what the VM was made from. */
  readonly stays: readonly { readonly image: Image; readonly because: readonly string[] }[];
}

/**
 * Which files go with a VM: its active layers and the layers of its snapshots, as far as nothing else stands on them.
 * The server decides; this tells before.
 */
export function vmDeletion(
  vm: Pick<Vm, 'id' | 'disks'>,
  tree: readonly Snapshot[],
  images: readonly Image[],
): Deletion {
  const byId = new Map(images.map((image) => [image.id, image]));
  const snapshots = flatten(tree);
  const snapshotIds = new Set(snapshots.map(({ id }) => id));
  const tips = [...vm.disks, ...snapshots.flatMap(({ disks }) => disks)].map(({ imageId }) => imageId);
  const own = new Set(tips);
  const goes: Image[] = [];
  const stays: Deletion['stays'][number][] = [];
  const layers = [...new Set(tips.flatMap((id) => chainFrom(id, byId)))];
  // Top first: a layer can go when all above it go.
  for (const image of layers.sort((a, b) => chainFrom(b.id, byId).length - chainFrom(a.id, byId).length)) {
    const because = image.usedBy
      .filter(({ kind, id }) => {
        if (kind === 'vm') return id !== vm.id;
        if (kind === 'snapshot') return !snapshotIds.has(id);
        return kind !== 'overlay' || !goes.some((each) => each.id === id);
      })
      .map(({ name }) => name);
    if (own.has(image.id) && because.length === 0) goes.push(image);
    else stays.push({ image, because });
  }
  return { goes, stays };
}

const flatten = (tree: readonly Snapshot[]): Snapshot[] =>
  tree.flatMap((snapshot) => [snapshot, ...flatten(snapshot.children)]);

function chainFrom(id: string, byId: ReadonlyMap<string, Image>): Image[] {
  const chain: Image[] = [];
  for (let image = byId.get(id); image !== undefined && !chain.includes(image); ) {
    chain.push(image);
    image = image.backingId === null ? undefined : byId.get(image.backingId);
  }
  return chain;
}
