import { type ErrorCode, errorCodes, type ProblemDetails } from '@strata/contract';

/** What a problem answer carries beside its code and detail. */
export type ErrorExtras = Pick<ProblemDetails, 'errors' | 'blockers' | 'stderr' | 'usedBy' | 'fitsInReserve'>;

/**
 * The only error that reaches the wire as itself: a code of the contract, and in words what happened, to which
 * thing, and what can be done. Everything else that is thrown is an `internal-error`.
 */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly extras: ErrorExtras;

  constructor(code: ErrorCode, detail: string, extras: ErrorExtras = {}, options?: { cause: unknown }) {
    super(detail, options);
    this.code = code;
    this.extras = extras;
  }

  get status(): number {
    return errorCodes[this.code].status;
  }
}
