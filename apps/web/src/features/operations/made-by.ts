import type { Operation, OperationKind } from '@strata/contract';

/** What there is more since an operation has ended. */
export interface Made {
  readonly kind: 'vm' | 'image';
  readonly id: string;
}

/** These make something new; what others name in their results was there before. */
const makes: Partial<Record<OperationKind, Made['kind']>> = {
  'vm-branch': 'vm',
  'vm-duplicate': 'vm',
  'image-copy': 'image',
  'device-read': 'image',
  'image-import': 'image',
};

export function madeBy({ kind, state, result }: Pick<Operation, 'kind' | 'state' | 'result'>): Made | null {
  // An archive may have held a whole VM.
  const what = kind === 'image-import' && result?.vmId !== undefined ? 'vm' : makes[kind];
  const id = what === undefined ? undefined : result?.[`${what}Id`];
  return state !== 'done' || what === undefined || typeof id !== 'string' ? null : { kind: what, id };
}
