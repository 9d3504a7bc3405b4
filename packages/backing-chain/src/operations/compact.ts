import { chainIds, type Forest, type Layer, tipsOf } from '../forest.ts';
import {
  type Blocker,
  type ChainPlan,
  type CompactRequest,
  type CompactUsage,
  isRefusal,
  type Refusal,
  refuse,
} from '../plan.ts';
import { soundChain } from './chain-request.ts';
import {
  offlineBlockers,
  operationBlockers,
  readerBlockers,
  suspendedBlockers,
  type Touch,
  tagBlockers,
  writableBlockers,
} from './holders.ts';

export interface CompactPlan extends ChainPlan {
  readonly operation: 'compact';
  readonly method: 'rewrite' | 'punch';
  /** What the file system gets back; an estimate unless `exact`. */
  readonly gain: { readonly bytes: number; readonly exact: boolean; readonly scannedBytes: number };
}

/** Less than this is not worth a new file. */
const leastGain = 64 * 1024;

function keptBlockers(layer: Layer, usage: CompactUsage): readonly Blocker[] {
  const subjects = [{ kind: 'image' as const, id: layer.id, name: layer.name }];
  const blockers: Blocker[] = [];
  if (usage.compressed)
    blockers.push({
      code: 'compressed',
      message: `“${layer.name}” holds compressed clusters. Written anew they would be unpacked, and the file would grow.`,
      subjects,
    });
  if (usage.bitmaps > 0)
    blockers.push({
      code: 'bitmaps',
      message: `“${layer.name}” holds ${usage.bitmaps === 1 ? 'a dirty bitmap' : `${usage.bitmaps} dirty bitmaps`} of a backup program, which a new file would not have. Remove them there first (qemu-img bitmap --remove).`,
      subjects,
    });
  if (usage.otherNames > 0 && layer.format === 'qcow2')
    blockers.push({
      code: 'hard-linked',
      message: `“${layer.name}” has ${usage.otherNames === 1 ? 'another name' : `${usage.otherNames} other names`} (hard links), under which the old file would stay and nothing would be given back. Remove ${usage.otherNames === 1 ? 'that' : 'them'}, or copy the image, first.`,
      subjects,
    });
  return blockers;
}

function compactBlockers(
  forest: Forest,
  layer: Layer,
  below: readonly Layer[],
  usage: CompactUsage,
): readonly Blocker[] {
  const touch: Touch = { root: layer.id, written: new Set([layer.id]), relinked: [] };
  const reads = below.map(({ id }) => id);
  return [
    ...tagBlockers(
      forest,
      layer.id,
      'that a file written anew would not have. Delete or extract them first.',
    ),
    ...keptBlockers(layer, usage),
    ...offlineBlockers(forest, layer.id, reads, 'and would go on in the file as it was'),
    ...writableBlockers(forest, [layer.id]),
    ...suspendedBlockers(forest, touch),
    ...readerBlockers(forest, touch),
    ...operationBlockers(forest, touch),
  ];
}

/**
 * The file gives back what it need not hold: clusters that nothing uses, and zeros. Whoever reads it reads the same.
 *
 *      active │ ▓▓     │          active │ ▓▓     │
 *      layer  │▓▓00 x▓ │    ──▶   layer' │▓▓zz  ▓ │   0: zeros stored as data, x: used by nothing,
 *      base   │▓▓▓▓▓▓▓▓│          base   │▓▓▓▓▓▓▓▓│   z: "zeros here", which takes no space
 *
 * A qcow2 layer is written anew beside itself and takes its own place once both have been compared; in a raw image holes
 * are punched where it is. Offline only: a QEMU that has the file open would not notice.
 */
export function planCompact(
  forest: Forest,
  usage: CompactUsage,
  { layer: id }: CompactRequest,
): CompactPlan | Refusal {
  const chain = soundChain(forest, id);
  if (isRefusal(chain)) return chain;
  const [layer, ...below] = chain;
  if (layer === undefined) return refuse('unknown-layer', `There is no layer “${id}”.`);
  if (layer.format !== 'qcow2' && layer.format !== 'raw')
    return refuse('wrong-format', `“${layer.name}” is ${layer.format}: only qcow2 and raw can be compacted.`);
  const method = layer.format === 'raw' ? 'punch' : 'rewrite';
  const bytes = Math.max(0, usage.storedBytes - usage.neededBytes);
  if (usage.exact && bytes < leastGain)
    return refuse(
      'nothing-to-do',
      `There is nothing to give back: “${layer.name}” holds no zeros and no unused clusters to speak of.`,
    );
  const chains = tipsOf(forest, id).map((tip) => chainIds(forest, tip.id));
  return {
    operation: 'compact',
    method,
    gain: { bytes, exact: usage.exact, scannedBytes: usage.scannedBytes },
    liveVm: null,
    before: chains,
    after: chains,
    moves: [],
    bytesToMove: method === 'punch' ? usage.dataBytes : usage.dataBytes - usage.zeroBytes,
    // The new file beside the old one; what was only sampled may hold no zeros at all.
    grows: {
      layer: id,
      bytes: method === 'punch' ? 0 : usage.neededBytes + (usage.exact ? 0 : usage.zeroBytes),
    },
    deletes: [],
    losesSnapshots: [],
    repointsSnapshots: [],
    relinks: [],
    switches: [],
    nowUnused: [],
    blockers: compactBlockers(forest, layer, below, usage),
  };
}
