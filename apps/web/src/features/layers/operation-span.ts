import type { Operation } from '@strata/contract';

/** Where an operation works in the chain shown: rows by index, top first. */
export interface OperationSpan {
  /** The row that receives the data. */
  readonly target: number;
  /** The row its arrow comes from. */
  readonly source: number;
  readonly direction: 'down' | 'up';
}

/**
 * A commit runs down to the lowest of its images, a pull up to the uppermost. When only one of them is in this
 * chain (the others are in a branch, or have just been merged away) it is drawn if it is the one that receives:
 * the server names them top first. Null otherwise, and for other kinds.
 */
export function operationSpan(
  operation: Pick<Operation, 'kind' | 'subjects'>,
  chain: readonly string[],
): OperationSpan | null {
  if (!['commit', 'pull', 'flatten'].includes(operation.kind)) return null;
  const images = operation.subjects.filter(({ kind }) => kind === 'image').map(({ id }) => id);
  const rows = images.map((id) => chain.indexOf(id)).filter((index) => index >= 0);
  const receiver = operation.kind === 'commit' ? images.at(-1) : images[0];
  if (rows.length === 0 || (rows.length === 1 && chain[rows[0] ?? -1] !== receiver)) return null;
  const [upper, lower] = [Math.min(...rows), Math.max(...rows)];
  return operation.kind === 'commit'
    ? { source: upper, target: lower, direction: 'down' }
    : { source: lower, target: upper, direction: 'up' };
}
