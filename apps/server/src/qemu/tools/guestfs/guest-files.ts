import { randomBytes } from 'node:crypto';
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../../app-error.ts';
import type { Guestfish } from './guestfish.ts';
import { count, word } from './guestfish-words.ts';

/** A name or a path in the guest is bytes, whatever its system takes them for. */
export type GuestBytes = Uint8Array;

export interface GuestStat {
  readonly kind: 'file' | 'folder' | 'link' | 'other';
  readonly size: number;
  /** Permission bits. */
  readonly mode: number;
  readonly modifiedSeconds: number;
}

/** Names of a folder are taken as long as they fit into this. */
const mostNameBytes = 64 * 1024 ** 2;
/** What one answer of the appliance holds at most is 4 MiB. */
export const mostReadBytes = 2 * 1024 ** 2;
const longMs = 15 * 60_000;
/** Nothing that is sent is slower. */
const slowestBytesPerMs = 1024;

const kinds = new Map<number, GuestStat['kind']>([
  [0o100000, 'file'],
  [0o040000, 'folder'],
  [0o120000, 'link'],
]);

/** As guestfish prints it, a number a line; null where it has printed nothing. */
const statOf = (printed: Buffer): GuestStat | null => {
  const value = (name: string): number =>
    Number(new RegExp(`^st_${name}: (-?\\d+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  const text = printed.toString('latin1');
  const mode = value('mode');
  if (Number.isNaN(mode)) return null;
  return {
    kind: kinds.get(mode & 0o170000) ?? 'other',
    size: Math.max(0, value('size')),
    mode: mode & 0o7777,
    modifiedSeconds: value('mtime_sec'),
  };
};

/** `\0` after each name. */
const split = (names: Buffer): Buffer[] => {
  const found: Buffer[] = [];
  for (let start = 0; start < names.length; ) {
    const end = names.indexOf(0, start);
    if (end < 0) break;
    found.push(names.subarray(start, end));
    start = end + 1;
  }
  return found;
};

/** The files of the volume that is mounted. Paths begin with "/" and are resolved in the guest, links too. */
export class GuestFiles {
  readonly #shell: Guestfish;
  readonly #folder: string;

  constructor(shell: Guestfish, folder: string) {
    this.#shell = shell;
    this.#folder = folder;
  }

  /** In the order of the file system. */
  async names(path: GuestBytes): Promise<Buffer[]> {
    const file = join(this.#folder, `names-${randomBytes(6).toString('hex')}`);
    try {
      await this.#shell.run(`ls0 ${word(path)} ${word(file)}`, { timeoutMs: longMs });
      const { size } = await stat(file);
      if (size > mostNameBytes)
        throw new AppError(
          'not-possible',
          'That folder holds more names than can be listed. Download it as a whole.',
        );
      return split(await readFile(file));
    } finally {
      await rm(file, { force: true });
    }
  }

  /** Of the things themselves, links too; null where there is nothing, or it cannot be read. */
  async describe(paths: readonly GuestBytes[]): Promise<(GuestStat | null)[]> {
    const printed = await this.#shell.runEach(paths.map((path) => `lstatns ${word(path)}`));
    return printed.map(statOf);
  }

  /** Of what a path leads to. */
  async stat(path: GuestBytes): Promise<GuestStat> {
    const found = statOf(await this.#shell.run(`statns ${word(path)}`));
    if (found === null) throw new AppError('image-unreadable', 'The appliance did not say what that is.');
    return found;
  }

  async targets(links: readonly GuestBytes[]): Promise<Buffer[]> {
    const printed = await this.#shell.runEach(links.map((path) => `readlink ${word(path)}`));
    // guestfish ends it with a line end of its own.
    return printed.map((target) => target.subarray(0, Math.max(0, target.length - 1)));
  }

  /**
   * The same without links: for commands that are tools of the appliance. These would follow an absolute link to the appliance
   * itself, and not to the guest.
   */
  async realPath(path: GuestBytes): Promise<Buffer> {
    const printed = await this.#shell.run(`realpath ${word(path)}`);
    return printed.subarray(0, Math.max(0, printed.length - 1));
  }

  read(path: GuestBytes, offset: number, length: number): Promise<Buffer> {
    const bytes = Math.min(length, mostReadBytes);
    return this.#shell.run(`pread ${word(path)} ${count(bytes)} ${count(offset)}`);
  }

  /** Bytes that may still be written. */
  async free(): Promise<number> {
    const text = (await this.#shell.run('statvfs "/"')).toString('latin1');
    const value = (name: string): number => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
    return value('bavail') * value('frsize');
  }

  /** Appears under its name when all of it is there; something of that name is replaced. Then it is on the disk. */
  async put(file: string, path: GuestBytes): Promise<void> {
    const { size } = await stat(file);
    const end = Buffer.from(path).lastIndexOf('/') + 1;
    const part = Buffer.concat([
      Buffer.from(path).subarray(0, end),
      Buffer.from(`.strata-${randomBytes(6).toString('hex')}`),
    ]);
    try {
      await this.#shell.run(`upload ${word(file)} ${word(part)}`, {
        timeoutMs: longMs + size / slowestBytesPerMs,
      });
      // Not `mv`: it would go into the folder that a link of that name leads to.
      await this.#shell.run(`rename ${word(part)} ${word(path)}`);
    } catch (error) {
      await this.#shell.run(`rm-f ${word(part)}`).catch(() => {});
      throw error;
    }
    await this.sync();
  }

  async makeFolder(path: GuestBytes): Promise<void> {
    await this.#shell.run(`mkdir ${word(path)}`);
    await this.sync();
  }

  /** With all that is in it; a link, and not what it leads to. */
  async remove(path: GuestBytes): Promise<void> {
    const bytes = Buffer.from(path);
    const end = bytes.lastIndexOf('/');
    const folder = await this.realPath(end <= 0 ? Buffer.from('/') : bytes.subarray(0, end));
    const real = Buffer.concat([folder, folder.length === 1 ? bytes.subarray(end + 1) : bytes.subarray(end)]);
    await this.#shell.run(`rm-rf ${word(real)}`, { timeoutMs: longMs });
    await this.sync();
  }

  async sync(): Promise<void> {
    await this.#shell.run('sync', { timeoutMs: longMs });
  }
}
