import { type BlockStats, type QmpClient, QmpCommandError } from '@strata/qmp';

/**
 * Layers that are open and below no disk yet, because a snapshot is being prepared. One VM can have a merge on one disk and
 * a snapshot of another at the same time.
 */
export const nodesInPreparation = new Set<string>();

/** The names Strata gives: `d-` and `f-` at the start of a VM, `n-` to the overlay of a live snapshot. */
const ourNames = /^[dfn]-/;

/**
 * QEMU closes the nodes it named itself when a merge drops them. Those that were named by us stay open, with all that lies
 * below them: their files keep their space and their locks, and the next snapshot may fail with “Node … is busy: node is
 * used as backing hd of …”. So they are deleted here, after every merge in a VM.
 */
export async function closeDroppedNodes(qmp: QmpClient): Promise<void> {
  const inUse = new Set((await qmp.execute('query-blockstats')).flatMap(namesBelow));
  // Not by query-named-block-nodes: the stream of another disk may conclude at any moment (see its note in commands.ts).
  const all = await qmp.execute('query-blockstats', { 'query-nodes': true });
  const ours = layersFirst(all)
    .map((node) => node['node-name'] ?? '')
    .filter((name) => ourNames.test(name) && !inUse.has(name) && !nodesInPreparation.has(name));
  // A node can go after the one above it: as often as another one could be closed.
  let left = ours;
  for (let before = Number.POSITIVE_INFINITY; left.length < before; ) {
    before = left.length;
    const remaining: string[] = [];
    for (const name of left) if (!(await closeNode(qmp, name))) remaining.push(name);
    left = remaining;
  }
}

/** QEMU calls the node of a layer's file its parent. A file can go after its layer. */
const layersFirst = (all: readonly BlockStats[]): BlockStats[] =>
  [...all].sort((one, other) => Number(one.parent === undefined) - Number(other.parent === undefined));

function namesBelow(stats: BlockStats): string[] {
  const { parent, backing } = stats;
  return [
    stats['node-name'] ?? '',
    ...(parent ? namesBelow(parent) : []),
    ...(backing ? namesBelow(backing) : []),
  ];
}

/** QEMU refuses what is in use by anything: a disk, a job, an export, the node above. */
async function closeNode(qmp: QmpClient, name: string): Promise<boolean> {
  try {
    await qmp.execute('blockdev-del', { 'node-name': name });
    return true;
  } catch (error) {
    if (error instanceof QmpCommandError) return false;
    throw error;
  }
}
