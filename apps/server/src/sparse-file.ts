import type { FileHandle } from 'node:fs/promises';

const batchSize = 1024 ** 2;
const block = 64 * 1024;
const zeros = Buffer.alloc(block);

const isZero = (chunk: Buffer): boolean => {
  for (let at = 0; at < chunk.length; at += block) {
    const piece = chunk.subarray(at, at + block);
    if (!piece.equals(zeros.subarray(0, piece.length))) return false;
  }
  return true;
};

/** On a disk that becomes full a write may take less than it was given, without an error. */
const writeWhole = async (file: FileHandle, chunks: readonly Buffer[], position: number): Promise<void> => {
  const { bytesWritten } = await file.writev(chunks, position);
  let passed = 0;
  for (const chunk of chunks) {
    for (let done = Math.max(0, bytesWritten - passed); done < chunk.length; )
      done += (await file.write(chunk, done, chunk.length - done, position + passed + done)).bytesWritten;
    passed += chunk.length;
  }
};

/**
 * Bytes one after the other into a file; chunks of zeros become holes. While one batch is written the next is
 * gathered, so that what comes in and what goes to disk do not wait for each other, and never more than two are held.
 */
export class SparseFile {
  readonly #file: FileHandle;
  /** Where the next byte goes. */
  position: number;
  #gathered: Buffer[] = [];
  #gatheredSize = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(file: FileHandle, position = 0) {
    this.#file = file;
    this.position = position;
  }

  async write(chunk: Buffer): Promise<void> {
    this.#gathered.push(chunk);
    this.#gatheredSize += chunk.length;
    if (this.#gatheredSize >= batchSize) await this.#flush();
  }

  /** Everything is in the file, and the file is as long as what was written. Not synced. */
  async finish(): Promise<void> {
    await this.#flush();
    await this.#writing;
    if ((await this.#file.stat()).size < this.position) await this.#file.truncate(this.position);
  }

  async #flush(): Promise<void> {
    await this.#writing;
    const chunks = this.#gathered;
    const start = this.position;
    this.#gathered = [];
    this.position += this.#gatheredSize;
    this.#gatheredSize = 0;
    this.#writing = this.#put(chunks, start);
    // It is awaited before the next one; until then nobody listens.
    this.#writing.catch(() => {});
  }

  async #put(chunks: readonly Buffer[], start: number): Promise<void> {
    let position = start;
    let run: Buffer[] = [];
    let runStart = start;
    const end = async (): Promise<void> => {
      if (run.length > 0) await writeWhole(this.#file, run, runStart);
      run = [];
    };
    for (const chunk of chunks) {
      if (isZero(chunk)) await end();
      else {
        if (run.length === 0) runStart = position;
        run.push(chunk);
      }
      position += chunk.length;
    }
    await end();
  }
}
