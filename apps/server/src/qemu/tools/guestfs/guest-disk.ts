import { mkdir, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { AppError } from '../../../app-error.ts';
import { applianceEnvironment, guestfishMissing, hasGuestfish, kernelProblem } from './appliance.ts';
import { endAppliance, noteSockets } from './appliance-processes.ts';
import { guestFailure } from './guest-failure.ts';
import { type GuestBytes, GuestFiles } from './guest-files.ts';
import { guestTar } from './guest-tar.ts';
import { Guestfish, GuestfishRefusal } from './guestfish.ts';
import { word } from './guestfish-words.ts';

export interface GuestDiskPlaces {
  /** Private, of this disk alone; it is made, and removed at the end. */
  readonly folder: string;
  /** Where the appliance is kept that libguestfs makes of a kernel of this machine. */
  readonly cache: string;
  /** NBD: the only way in which what the disk holds gets to libguestfs. */
  readonly socket: string;
  readonly exportName: string;
  readonly writable: boolean;
}

export interface GuestVolume {
  readonly device: string;
  /** `ext4`, `swap`; `unknown` is null. */
  readonly fileSystem: string | null;
}

/** A slow machine without KVM, which makes the appliance first. */
const startTimeoutMs = 10 * 60_000;
const listTimeoutMs = 5 * 60_000;
const memoryMebibytes = 1024;

/** Devices as the appliance names them; a subvolume of btrfs is named by strangers and has no line end in it. */
const listed = /^((?:\/dev\/[\w/+.:@-]+)|(?:btrfsvol:\/dev\/[\w/+.:@-]+\/[^\n]+)): (\S+)$/gm;

/** A disk that libguestfs has open in an appliance of its own. One thing after the other. */
export class GuestDisk {
  readonly exited: Promise<void>;
  readonly #shell: Guestfish;
  readonly #places: GuestDiskPlaces;
  #turn: Promise<unknown> = Promise.resolve();
  #mounted: string | null = null;
  #packing = false;

  private constructor(shell: Guestfish, places: GuestDiskPlaces) {
    this.#shell = shell;
    this.#places = places;
    this.exited = shell.exited;
  }

  /** Starts the appliance: that takes some seconds, without KVM many. `signal` ends it in the middle. */
  static async open(places: GuestDiskPlaces, signal: AbortSignal): Promise<GuestDisk> {
    if (!hasGuestfish()) throw guestfishMissing();
    signal.throwIfAborted();
    await mkdir(places.cache, { recursive: true, mode: 0o700 });
    await mkdir(places.folder, { recursive: true, mode: 0o700 });
    const shell = new Guestfish(places.folder, applianceEnvironment(places.folder, places.cache));
    const disk = new GuestDisk(shell, places);
    const end = (): void => shell.refuse('it was closed');
    signal.addEventListener('abort', end, { once: true });
    try {
      await disk.#start();
      await noteSockets(places.folder);
      return disk;
    } catch (error) {
      await disk.discard();
      signal.throwIfAborted();
      throw guestFailure('Starting the appliance of libguestfs', error);
    } finally {
      signal.removeEventListener('abort', end);
    }
  }

  async #start(): Promise<void> {
    const { socket, exportName, writable } = this.#places;
    const mode = writable ? '' : 'readonly:true ';
    await this.#shell.run(`set-memsize ${memoryMebibytes}`);
    await this.#shell.run('set-network false');
    await this.#shell.run(
      `add-drive ${word(exportName)} ${mode}format:raw protocol:nbd ${word(`server:unix:${socket}`)}`,
    );
    try {
      await this.#shell.run('run', { timeoutMs: startTimeoutMs });
    } catch (error) {
      const problem = error instanceof GuestfishRefusal ? await kernelProblem() : null;
      if (problem === null) throw error;
      throw new AppError(
        'not-possible',
        `libguestfs could not start its appliance. ${problem}`,
        {},
        { cause: error },
      );
    }
  }

  /** Everything with something known in it, logical volumes and arrays too. */
  volumes(): Promise<GuestVolume[]> {
    return this.#inTurn('Looking for file systems', async () => {
      const printed = await this.#shell.run('list-filesystems', { timeoutMs: listTimeoutMs });
      return [...printed.toString('utf8').matchAll(listed)].map(([, device = '', kind = '']) => ({
        device,
        fileSystem: kind === 'unknown' ? null : kind,
      }));
    });
  }

  /** Of what is no partition: its label, its UUID, its length. */
  facts(device: string): Promise<{ label: string | null; uuid: string | null; size: number | null }> {
    return this.#inTurn('Looking at a volume', async () => {
      const asked = ['vfs-label', 'vfs-uuid', 'blockdev-getsize64'].map(
        (command) => `${command} ${word(device)}`,
      );
      const [label = '', uuid = '', size = ''] = (await this.#shell.runEach(asked)).map((printed) =>
        printed.toString('utf8').replace(/\n$/, ''),
      );
      return { label: label || null, uuid: uuid || null, size: /^\d+$/.test(size) ? Number(size) : null };
    });
  }

  /**
   * `work` on the files of one volume. `patient`: it waits also for an archive that is being packed, and is not refused.
   */
  onVolume<Result>(
    doing: string,
    device: string,
    work: (files: GuestFiles) => Promise<Result>,
    patient = false,
  ): Promise<Result> {
    if (this.#packing && !patient)
      throw new AppError(
        'operation-state',
        'A folder of this disk is being downloaded. Look further when that has ended.',
      );
    return this.#inTurn(doing, async () => {
      await this.#mount(device);
      return work(new GuestFiles(this.#shell, this.#places.folder));
    });
  }

  /** A folder as an archive; nothing else goes on meanwhile. */
  tar(device: string, path: GuestBytes, mostBytes: number): Promise<Readable> {
    return new Promise((resolve, reject) => {
      this.onVolume('Packing it', device, async (files) => {
        this.#packing = true;
        try {
          const real = await files.realPath(path);
          const { stream, finished } = await guestTar(this.#shell, this.#places.folder, real, mostBytes);
          // Who gives it up may look on as soon as the guest has noticed.
          stream.once('close', () => {
            this.#packing = false;
          });
          resolve(stream);
          await finished;
        } finally {
          this.#packing = false;
        }
      }).catch(reject);
    });
  }

  /** Commands of guestfish on a writable disk of which nothing is mounted, one after the other; what each prints. */
  run(doing: string, commands: readonly string[], timeoutMs: number): Promise<string[]> {
    return this.#inTurn(doing, async () => {
      await this.#unmount();
      const printed: string[] = [];
      for (const command of commands)
        printed.push((await this.#shell.run(command, { timeoutMs })).toString('utf8'));
      return printed;
    });
  }

  /** What was written is on the disk before the appliance ends. What only reads is broken off. */
  async close(): Promise<void> {
    if (this.#places.writable)
      await this.#inTurn('Closing it', async () => {
        await this.#unmount();
        await this.#shell.run('shutdown');
      }).catch(() => {});
    await this.discard();
  }

  /** At once. */
  async discard(): Promise<void> {
    this.#shell.refuse('it was closed');
    await endAppliance(this.#places.folder);
    await this.#shell.exited;
    await rm(this.#places.folder, { recursive: true, force: true });
  }

  async #mount(device: string): Promise<void> {
    if (this.#mounted === device) return;
    await this.#unmount();
    const mode = this.#places.writable ? '' : 'ro,';
    // A device node in the guest is only a name.
    await this.#shell.run(`mount-options "${mode}nodev" ${word(device)} "/"`);
    this.#mounted = device;
  }

  async #unmount(): Promise<void> {
    if (this.#mounted === null) return;
    this.#mounted = null;
    await this.#shell.run('umount-all');
  }

  #inTurn<Result>(doing: string, work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work).catch((error: unknown) => {
      throw guestFailure(doing, error);
    });
    this.#turn = result.catch(() => {});
    return result;
  }
}

/** What a server that was killed has left: processes, and their folder. */
export const sweepGuestDisk = async (folder: string): Promise<void> => {
  await endAppliance(folder);
  await rm(folder, { recursive: true, force: true });
};
