import type { LayerRequest } from '@strata/contract';
import type { Run } from './selection.ts';

export interface ConceivableAction {
  readonly request: LayerRequest;
  /** What it is called: which words `words/layers.ts` has for it. */
  readonly kind:
    | 'commit-below'
    | 'commit-further'
    | 'merge-run'
    | 'pull-above'
    | 'pull-below'
    | 'pull-run'
    | 'pull-all'
    | 'delete';
  /** The layers whose data moves (top first), and the layer that receives it: by id, as the chain may change. */
  readonly sources: readonly string[];
  readonly target: string;
}

/** The only layer of a chain is deleted where files are: in the library. Unless other chains begin on it. */
export const deletesAsLayer = (chainLength: number, hasOverlays: boolean): boolean =>
  chainLength > 1 || hasOverlays;

/**
 * What one could do with a run of layers, whether or not it is allowed: that the plan says.
 *
 *     active                       active
 *     c   ┐ selected   commit →    b+c → into a (below), or into base (further)
 *     b   ┘            merge  →    c into b
 *     a                pull   →    b+c up into active
 *     base
 */
export function conceivableActions(
  chain: readonly string[],
  run: Run,
  forksAbove = false,
): ConceivableAction[] {
  const { upper, lower } = run;
  const actions: ConceivableAction[] = [];
  const commit = (kind: ConceivableAction['kind'], base: number, last: number) => {
    const [topId, baseId] = [chain[upper], chain[base]];
    if (topId === undefined || baseId === undefined) return;
    const request: LayerRequest = { operation: 'commit', top: topId, base: baseId };
    actions.push({ request, kind, sources: chain.slice(upper, last + 1), target: baseId });
  };
  const pull = (kind: ConceivableAction['kind'], into: number, from: number, all = false) => {
    const [intoId, fromId] = [chain[into], chain[from]];
    if (intoId === undefined || fromId === undefined || from <= into) return;
    const request: LayerRequest = all
      ? { operation: 'flatten', imageId: intoId }
      : { operation: 'pull', into: intoId, from: fromId, deleteUnused: false };
    actions.push({ request, kind, sources: chain.slice(into + 1, from + 1), target: intoId });
  };
  const last = chain.length - 1;
  if (lower > upper) commit('merge-run', lower, lower - 1);
  commit('commit-below', lower + 1, lower);
  for (let base = lower + 2; base <= last; base += 1) commit('commit-further', base, base - 1);
  if (upper > 0) pull('pull-above', upper - 1, lower);
  if (lower > upper) pull('pull-run', upper, lower);
  // Pulling from the base is pulling all: one offer, not two.
  if (upper === lower && lower + 1 < last) pull('pull-below', upper, lower + 1);
  if (upper === lower) pull('pull-all', upper, last, true);
  const only = chain[upper];
  if (upper === lower && deletesAsLayer(chain.length, forksAbove) && only !== undefined)
    actions.push({
      request: { operation: 'delete', imageId: only, mode: 'auto' },
      kind: 'delete',
      sources: [],
      target: only,
    });
  return actions;
}

/** What dragging a run of layers onto another layer proposes: down a commit, up a pull. */
export function draggedAction(
  chain: readonly string[],
  run: Run,
  onto: number,
): ConceivableAction | undefined {
  const target = chain[onto];
  if (onto > run.lower)
    return conceivableActions(chain, run).find(
      (action) => action.request.operation === 'commit' && action.target === target,
    );
  if (onto >= run.upper) return undefined;
  // The layers between come along: a pull copies all that the layer reads through.
  return conceivableActions(chain, { upper: onto + 1, lower: run.lower }).find(
    ({ kind }) => kind === 'pull-above',
  );
}

/** What a key does with the run, as dragging it would: onto the layer beside it, or off. */
export function keyedAction(
  chain: readonly string[],
  run: Run,
  { key, altKey }: { readonly key: string; readonly altKey: boolean },
): ConceivableAction | undefined {
  if (altKey && key === 'ArrowDown') return draggedAction(chain, run, run.lower + 1);
  if (altKey && key === 'ArrowUp') return draggedAction(chain, run, run.upper - 1);
  if (key !== 'Delete') return undefined;
  return conceivableActions(chain, run).find(({ kind }) => kind === 'delete');
}

/** Whether the key is one of {@link keyedAction}'s, also where it can do nothing. */
export const isActionKey = ({ key, altKey }: { readonly key: string; readonly altKey: boolean }): boolean =>
  key === 'Delete' || (altKey && (key === 'ArrowDown' || key === 'ArrowUp'));
