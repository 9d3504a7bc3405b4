/** A bounded memory of the last bytes of a line, for viewers that come later. */
export class SerialHistory {
  readonly #limit: number;
  #chunks: Buffer[] = [];
  #length = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get length(): number {
    return this.#length;
  }

  push(bytes: Buffer): void {
    // A copy: a slice would keep the whole chunk of the socket alive.
    this.#chunks.push(Buffer.from(bytes.subarray(-this.#limit)));
    this.#length += Math.min(bytes.length, this.#limit);
    // Joined only now and then, so that a byte a time costs no copy of everything.
    if (this.#length > this.#limit * 2 || this.#chunks.length > 4096) this.#join();
  }

  end(): Buffer {
    this.#join();
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  #join(): void {
    const joined = Buffer.from(Buffer.concat(this.#chunks).subarray(-this.#limit));
    this.#chunks = [joined];
    this.#length = joined.length;
  }
}

/**
 * What was said before we listened (QEMU's own log) and what came over the line since, as one text. QEMU writes to
 * both, so the first bytes of the line are usually at the end of the log already: they must not appear twice. Bytes
 * behind them in the log are still on their way over the line.
 */
export const joinHistory = (log: Buffer, received: Buffer): Buffer => {
  if (received.length === 0) return log;
  const whole = log.lastIndexOf(received);
  if (whole >= 0) return log.subarray(0, whole + received.length);
  for (let overlap = Math.min(log.length, received.length); overlap > 0; overlap -= 1)
    if (log.subarray(log.length - overlap).equals(received.subarray(0, overlap)))
      return Buffer.concat([log, received.subarray(overlap)]);
  return Buffer.concat([log, received]);
};
