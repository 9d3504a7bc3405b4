import { type ErrorCode, errorCodes, type ProblemDetails } from '@strata/contract';

/** What the server refused, with its problem document. `unreachable` when it could not be asked at all. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly problem: ProblemDetails;

  constructor(problem: ProblemDetails, options?: ErrorOptions) {
    super(problem.detail || problem.title, options);
    this.problem = problem;
  }

  get status(): number {
    return this.problem.status;
  }
  get code(): string {
    return this.problem.code;
  }
  is(...codes: ErrorCode[]): boolean {
    return (codes as string[]).includes(this.problem.code);
  }
  /** The server did not answer: nothing is known about what became of the request. */
  get unreachable(): boolean {
    return this.problem.code === 'unreachable';
  }
  /** The message for one field of a form, by its dotted path; also of anything inside it. */
  fieldError(path: string): string | undefined {
    return this.problem.errors?.find((error) => error.path === path || error.path.startsWith(`${path}.`))
      ?.message;
  }
}

export function isApiError(error: unknown): error is ApiError {
  return error instanceof ApiError;
}

export function isKnownCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}
