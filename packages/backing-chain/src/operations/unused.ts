import { type Forest, type LayerId, overlaysOf } from '../forest.ts';
import { standsOn } from '../stands.ts';

/**
 * Of `candidates` (top first), those on which nothing stands once the layers of `gone` neither exist nor link to
 * anything. A layer of which only unused layers are overlays is unused too, so order matters: top first.
 */
export function unusedOf(
  forest: Forest,
  candidates: readonly LayerId[],
  gone: ReadonlySet<LayerId>,
): readonly LayerId[] {
  const without = new Set(gone);
  const unused: LayerId[] = [];
  for (const id of candidates) {
    const overlaid = overlaysOf(forest, id).some((overlay) => !without.has(overlay.id));
    if (overlaid || standsOn(forest, id).some((item) => item.kind !== 'overlay')) continue;
    without.add(id);
    unused.push(id);
  }
  return unused;
}
