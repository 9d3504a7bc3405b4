import type { Forest, LayerId } from '../forest.ts';
import type { CommitRequest, Impediment, PullRequest } from '../plan.ts';
import { commitRefusal } from './commit.ts';
import { nameOf } from './holders.ts';
import { pullRefusal } from './pull.ts';

export type RangeAction =
  | {
      readonly operation: 'commit';
      readonly request: CommitRequest;
      readonly title: string;
      /** Why it may not run; null: it may. {@link impedimentWords} makes a sentence of it. */
      readonly impediment: Impediment;
    }
  | {
      readonly operation: 'pull';
      readonly request: PullRequest;
      readonly title: string;
      readonly impediment: Impediment;
    };

/** The selection in the order of the chain, when it is one unbroken run of it. */
function runOf(chain: readonly LayerId[], selection: readonly LayerId[]): readonly LayerId[] {
  const wanted = new Set(selection);
  const start = chain.findIndex((id) => wanted.has(id));
  const run = start < 0 ? [] : chain.slice(start, start + wanted.size);
  return run.every((id) => wanted.has(id)) && run.length === wanted.size ? run : [];
}

/**
 * Which commits and pulls are conceivable for a run of layers of a chain, each with why not. Nothing is
 * filtered: a grey button says more than a missing one.
 *
 *     above    ▲ pull the run into the layer above
 *     ┌ a      ▲ pull b … c into a        (more than one layer)
 *     │ b
 *     └ c      ▼ commit a … b into c      (more than one layer)
 *     below    ▼ commit the run into the layer below
 *
 * One layer that has a backing can also be made to stand on its own (pull of everything below it).
 * `chain` is top first; `selection` in any order. Empty when the selection is not one run of that chain.
 */
export function rangeActions(
  forest: Forest,
  chain: readonly LayerId[],
  selection: readonly LayerId[],
): readonly RangeAction[] {
  const run = runOf(chain, selection);
  const [top] = run;
  const bottom = run.at(-1);
  if (top === undefined || bottom === undefined) return [];
  const above = chain[chain.indexOf(top) - 1];
  const below = chain[chain.indexOf(bottom) + 1];
  const name = (id: LayerId): string => `“${nameOf(forest, id)}”`;
  const commit = (base: LayerId, title: string): RangeAction => {
    const request = { top, base };
    return { operation: 'commit', request, title, impediment: commitRefusal(forest, request) };
  };
  const pull = (request: PullRequest, title: string): RangeAction => ({
    operation: 'pull',
    request,
    title,
    impediment: pullRefusal(forest, request),
  });
  const actions: RangeAction[] = [];
  if (below !== undefined) actions.push(commit(below, `Commit into ${name(below)}`));
  if (run.length > 1) actions.push(commit(bottom, `Commit into ${name(bottom)}`));
  if (above !== undefined) actions.push(pull({ into: above, from: bottom }, `Pull into ${name(above)}`));
  if (run.length > 1) actions.push(pull({ into: top, from: bottom }, `Pull into ${name(top)}`));
  if (run.length === 1 && below !== undefined)
    actions.push(pull({ into: top }, `Pull everything below into ${name(top)}`));
  return actions;
}
