import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { InsideSession, InsideVolume } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import type { ServedContent } from '../../qemu/tools/guestfs/disk-content.ts';
import { serveChain, serveTag } from '../../qemu/tools/guestfs/disk-content.ts';
import { GuestDisk } from '../../qemu/tools/guestfs/guest-disk.ts';
import type { ImageFacts } from '../images/images.types.ts';
import type { Listing } from './inside-entries.ts';
import { listVolumes } from './inside-volumes.ts';

/** So long nobody asks for anything, then it ends by itself. */
export const idleMs = 5 * 60_000;

export interface InsidePlan {
  readonly id: string;
  readonly image: ImageFacts;
  /** Top first. */
  readonly chain: readonly ImageFacts[];
  readonly tag: { readonly name: string; readonly snapshot: string } | null;
  readonly writable: boolean;
}

export interface InsidePlaces {
  readonly runDir: string;
  /** Each disk has a private folder in it. */
  readonly folder: string;
  readonly applianceCache: string;
}

type State =
  | { readonly is: 'starting' }
  | { readonly is: 'ready'; readonly volumes: InsideVolume[]; readonly disk: GuestDisk }
  | { readonly is: 'failed'; readonly code: string; readonly message: string };

const wordsOf = (error: unknown): { code: string; message: string } =>
  error instanceof AppError
    ? { code: error.code, message: error.message }
    : { code: 'internal-error', message: 'Strata made a mistake. Its log has the details.' };

/** One disk that is being looked into, from the moment it is asked for until nothing of it is left. */
export class LookInside {
  readonly plan: InsidePlan;
  /** The folder that was looked at last. */
  listing: Listing | null = null;
  readonly #startedAt = new Date().toISOString();
  readonly #stopping = new AbortController();
  readonly #changed: (error?: unknown) => void;
  readonly #places: InsidePlaces;
  #state: State = { is: 'starting' };
  #content: ServedContent | null = null;
  #endsAt = Date.now() + idleMs;
  #started: Promise<void>;

  /** `changed`: its state has; with what Strata does not understand, if that is why. */
  constructor(plan: InsidePlan, places: InsidePlaces, changed: (error?: unknown) => void) {
    this.plan = plan;
    this.#places = places;
    this.#changed = changed;
    this.#started = Promise.resolve();
  }

  get folder(): string {
    return join(this.#places.folder, this.plan.id);
  }
  get endsAt(): number {
    return this.#endsAt;
  }
  get hasFailed(): boolean {
    return this.#state.is === 'failed';
  }
  get isWanted(): boolean {
    return !this.#stopping.signal.aborted;
  }

  view(): InsideSession {
    const { id, image, tag, writable } = this.plan;
    const state = this.#state;
    return {
      ...{ id, imageId: image.id, imageName: image.name, tag: tag?.name ?? null },
      state: state.is,
      problem: state.is === 'failed' ? { code: state.code, message: state.message } : null,
      ...{ writable, engine: 'libguestfs' },
      volumes: state.is === 'ready' ? state.volumes : [],
      startedAt: this.#startedAt,
      endsAt: new Date(this.#endsAt).toISOString(),
    };
  }

  touch(): void {
    this.#endsAt = Date.now() + idleMs;
  }

  /** In the background: how it went is told by its state. */
  start(): void {
    this.#started = this.#open().catch((error: unknown) => this.#fail(error));
  }

  /** Throws in words while it starts, and when it has failed. */
  volume(device: string): { disk: GuestDisk; volume: InsideVolume } {
    this.touch();
    const state = this.#state;
    if (state.is === 'starting')
      throw new AppError(
        'operation-state',
        'The appliance is just being started. Ask again in some seconds.',
      );
    if (state.is === 'failed') throw new AppError('operation-state', state.message);
    const volume = state.volumes.find((each) => each.device === device);
    if (volume === undefined) throw new AppError('not-found', 'There is no such volume on this disk.');
    if (!volume.mountable)
      throw new AppError('not-possible', volume.reason ?? 'There are no files in that volume.');
    return { disk: state.disk, volume };
  }

  /** Resolves when no process of it is left. */
  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#started;
    const state = this.#state;
    if (state.is === 'ready') await state.disk.close();
    await this.#dropContent();
  }

  async #open(): Promise<void> {
    const { id, image, chain, tag, writable } = this.plan;
    const { runDir, applianceCache } = this.#places;
    // Whatever is started from here on is found by this folder when the server is killed.
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const content =
      tag === null
        ? await serveChain(runDir, id, chain, writable)
        : await serveTag(runDir, id, image.path, tag.snapshot);
    this.#content = content;
    const { socket, exportName } = content;
    const places = { folder: this.folder, cache: applianceCache, socket, exportName, writable };
    const disk = await GuestDisk.open(places, this.#stopping.signal);
    try {
      const volumes = await listVolumes(disk, content);
      this.#state = { is: 'ready', volumes, disk };
    } catch (error) {
      await disk.discard();
      throw error;
    }
    const lost = Promise.race([disk.exited, content.exited]);
    void lost.then(() => this.#lose(disk)).catch((error: unknown) => this.#changed(error));
    this.touch();
    this.#changed();
  }

  async #lose(disk: GuestDisk): Promise<void> {
    if (!this.isWanted || this.hasFailed) return;
    const message = 'The appliance has ended by itself. Close this and look inside again.';
    this.#state = { is: 'failed', code: 'qemu-unresponsive', message };
    await disk.discard();
    await this.#dropContent();
    this.#changed();
  }

  async #fail(error: unknown): Promise<void> {
    await this.#dropContent();
    if (!this.isWanted) return;
    this.#state = { is: 'failed', ...wordsOf(error) };
    this.#changed(error instanceof AppError ? undefined : error);
  }

  async #dropContent(): Promise<void> {
    const content = this.#content;
    this.#content = null;
    await content?.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}
