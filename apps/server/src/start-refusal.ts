/** Why Strata does not start, in words, with what to do. 2: it was called wrongly; 1: the host stands in the way. */
export class StartRefusal extends Error {
  override readonly name = 'StartRefusal';
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2 = 1, options?: { cause: unknown }) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
