import { chainOf, type Forest, type Layer, type LayerId } from '../forest.ts';
import { type Refusal, refuse } from '../plan.ts';

const endWords = {
  missing: 'its backing, or its file, cannot be found',
  foreign: 'its backing is not a file that Strata can follow',
  cycle: 'it leads back to itself',
  'too-deep': 'it is longer than 256 layers',
} as const;

/** The whole chain of a layer, or why there is none: QEMU opens every layer of it, whichever of them the job is about. */
export function soundChain(forest: Forest, id: LayerId): readonly Layer[] | Refusal {
  if (!forest.layers.has(id)) return refuse('unknown-layer', `There is no layer “${id}”.`);
  const chain = chainOf(forest, id);
  if (chain.end === 'complete') return chain.layers;
  const last = chain.layers.at(-1)?.name ?? id;
  return refuse('broken-chain', `The chain breaks at “${last}”: ${endWords[chain.end]}. Repair it first.`);
}
