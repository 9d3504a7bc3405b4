import type { Operation } from '@strata/contract';

/** Where an operation works in the chain shown: rows by index, top first. */
export interface OperationSpan {
  /** The row that receives the data, or that it is about. */
  readonly target: number;
  /** The rows its data comes from; none when they are elsewhere, have just been merged away, or nothing moves. */
  readonly sources: readonly number[];
  /** `null`: no data moves. */
  readonly direction: 'down' | 'up' | null;
}

type OperationFacts = Pick<Operation, 'kind' | 'subjects' | 'moves'>;

/**
 * What an operation does in the chain shown: data that goes from row to row, once per receiver. Without data to move
 * (a changed link, a file to the trash) it stands at the first row that it is about. Empty when the chain has no part
 * in it.
 */
export function operationSpans(operation: OperationFacts, chain: readonly string[]): OperationSpan[] {
  const receivers = new Map<number, number[]>();
  for (const { from, to } of operation.moves ?? []) {
    const target = chain.indexOf(to);
    if (target < 0) continue;
    const source = chain.indexOf(from);
    receivers.set(target, [...(receivers.get(target) ?? []), ...(source < 0 ? [] : [source])]);
  }
  if (receivers.size > 0)
    return [...receivers].map(([target, sources]) => ({
      target,
      sources,
      direction: directionOf(operation.kind, target, sources),
    }));
  if (operation.moves !== undefined || !worksOnChains(operation)) return [];
  const rows = operation.subjects.map(({ id }) => chain.indexOf(id)).filter((row) => row >= 0);
  return rows.length === 0 ? [] : [{ target: Math.min(...rows), sources: [], direction: null }];
}

const chainKinds: ReadonlySet<string> = new Set(['commit', 'pull', 'flatten', 'delete', 'rebase']);

/** Whether it changes links, data or files of chains. */
export const worksOnChains = ({ kind }: Pick<Operation, 'kind'>): boolean => chainKinds.has(kind);

/** Whether the file of a layer goes when the operation has ended. An empty layer has no data to move: it is named first. */
export function mergesAway({ kind, moves, subjects }: OperationFacts, imageId: string): boolean {
  if (kind !== 'commit') return false;
  const images = subjects.filter((subject) => subject.kind === 'image');
  return moves?.some(({ from }) => from === imageId) ?? images[0]?.id === imageId;
}

/** By where the data comes from; when that is not in this chain any more, by what the kind does. */
function directionOf(
  kind: Operation['kind'],
  target: number,
  [source]: readonly number[],
): OperationSpan['direction'] {
  if (source !== undefined) return source < target ? 'down' : 'up';
  if (kind === 'commit') return 'down';
  return kind === 'delete' ? null : 'up';
}
