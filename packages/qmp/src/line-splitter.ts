import { QmpProtocolError } from './errors.ts';

const newline = 0x0a;

/**
 * Cuts a byte stream into lines, whatever the chunks are. A byte 0x0a is never part of a longer UTF-8 sequence, so bytes are
 * cut first and decoded after; and only the new chunk is searched, so a message in a million pieces costs its length once.
 */
export class LineSplitter {
  readonly #limit: number;
  #pieces: Buffer[] = [];
  #length = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The lines that this chunk completes, without their line ends. Throws `QmpProtocolError` for a line over the limit. */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      this.#add(chunk.subarray(start, end));
      lines.push(Buffer.concat(this.#pieces, this.#length).toString('utf8'));
      this.#pieces = [];
      this.#length = 0;
      start = end + 1;
    }
    if (start < chunk.length) this.#add(chunk.subarray(start));
    return lines;
  }

  #add(piece: Buffer): void {
    this.#length += piece.length;
    if (this.#length > this.#limit)
      throw new QmpProtocolError(`a message is longer than ${this.#limit} bytes`);
    this.#pieces.push(piece);
  }
}
