import type { Forest, LayerId } from './forest.ts';
import { standsOn } from './stands.ts';

/**
 * Why a layer may not be written, in sentences; empty for an active layer that only its own disk uses and for
 * a file that nobody needs. For the Layers tab.
 */
export function lockReasons(forest: Forest, id: LayerId): readonly string[] {
  const layer = forest.layers.get(id);
  if (layer === undefined) return [];
  const standing = standsOn(forest, id);
  const [firstDisk] = standing.filter((item) => item.kind === 'disk');
  // One disk writes its active layer; a second one would see the first one's writes.
  const reasons = standing.filter((item) => item !== firstDisk).map((item) => item.words);
  if (firstDisk !== undefined && reasons.length > 0) reasons.unshift(firstDisk.words);
  for (const disk of forest.disks)
    if (disk.imageId === id && disk.suspended)
      reasons.push(`The saved memory of the suspended VM “${disk.vmName}” waits for exactly these bytes.`);
  if (!layer.present) reasons.push('Its file is missing or cannot be read.');
  else if (!layer.writable) reasons.push('Its permissions or its format forbid writing.');
  return reasons;
}
