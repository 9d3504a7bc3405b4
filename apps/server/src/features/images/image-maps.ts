import { lstat } from 'node:fs/promises';
import { aggregate, type ExtentList, joinNeighbours, visibleMap } from '@strata/backing-chain';
import type { ImageMap } from '@strata/contract';
import { type LayerUsage, readQcow2Allocation } from '@strata/disk-image';
import { AppError } from '../../app-error.ts';
import { mapImage } from '../../qemu/qemu-img.ts';
import { approvedChain } from './chain-facts.ts';
import type { ImageRecord } from './image-record.ts';
import type { ImageWorld } from './image-world.ts';
import { usageOf } from './layer-usage.ts';
import { mapBounded } from './map-bounded.ts';

export interface Held {
  readonly extents: ExtentList;
  /** False when the newest of it may be missing, or it was too much to tell. */
  readonly exact: boolean;
}

const mostExtents = 20_000;
const mostCached = 64;
const tickMilliseconds = 50;

const fromQcow2 = async (path: string): Promise<Held> => {
  const { extents, problems } = await readQcow2Allocation(path);
  const joined = joinNeighbours(extents.map(({ start, length }) => [start, length] as const));
  return { extents: joined, exact: problems.length === 0 };
};

/** A raw image holds what is not a hole of its file; the others have no backing, so all they tell is theirs. */
const fromQemuImg = async ({ path, format, facts }: ImageRecord): Promise<Held> => {
  try {
    const entries = await mapImage({ path, format });
    const headerless = format === 'raw' || format === 'iso';
    const held = entries.filter((entry) => (headerless ? entry.data : entry.present && entry.depth === 0));
    return {
      extents: joinNeighbours(held.map(({ start, length }) => [start, length] as const)),
      exact: true,
    };
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'image-locked') throw error;
    // A VM writes it just now and lets nobody else look: at most all of it.
    return { extents: [[0, facts.virtualSize]], exact: false };
  }
};

/** Which ranges layers hold, read once for each state of a file. */
export class ImageMaps {
  private readonly world: ImageWorld;
  private readonly cache = new Map<string, Held>();
  flush: (imageId: string) => Promise<boolean> = () => Promise.resolve(false);

  constructor(world: ImageWorld) {
    this.world = world;
  }

  async allocation(id: string): Promise<Held> {
    const record = this.world.record(id);
    const [flaw] = record.facts.flaws;
    if (flaw !== undefined) throw new AppError('image-refused', `${record.path}: ${flaw.message}`);
    const written = this.world.uses().disks.some((disk) => disk.running && disk.imageId === id);
    const flushed = !written || (await this.flush(id).catch(() => false));
    const held = await this.read(record);
    return flushed ? held : { ...held, exact: false };
  }

  async usage(id: string): Promise<LayerUsage> {
    // Refuses what must not be read, and has a running VM flush first.
    const { extents } = await this.allocation(id);
    return usageOf(this.world.record(id), () => Promise.resolve(extents));
  }

  private async read(record: ImageRecord): Promise<Held> {
    const stat = await lstat(record.path, { bigint: true }).catch(() => null);
    if (stat === null) throw new AppError('image-unreadable', `${record.path} is gone.`);
    const key = [record.format, stat.dev, stat.ino, stat.size, stat.mtimeNs].join(':');
    const known = this.cache.get(key);
    if (known !== undefined) return known;
    const held = await (record.format === 'qcow2' ? fromQcow2(record.path) : fromQemuImg(record));
    const settled = Number(stat.mtimeNs / 1_000_000n) + tickMilliseconds < Date.now();
    if (held.exact && settled) this.cache.set(key, held);
    const oldest = this.cache.keys().next();
    if (this.cache.size > mostCached && oldest.done !== true) this.cache.delete(oldest.value);
    return held;
  }

  async map(id: string, resolution = mostExtents): Promise<ImageMap> {
    const chain = approvedChain(this.world, id);
    const held = await mapBounded(chain, 3, (record) => this.allocation(record.id));
    const layers = visibleMap(
      chain.map((record) => record.id),
      new Map(chain.map((record, index) => [record.id, held[index]?.extents ?? []])),
      new Map(chain.map((record) => [record.id, record.facts.virtualSize])),
    );
    const drawn = (extents: ExtentList): [number, number][] =>
      aggregate(extents, resolution).map(([start, length]) => [start, length]);
    return {
      virtualSize: chain[0]?.facts.virtualSize ?? 0,
      layers: layers.map(({ layer, visible, shadowed, allocatedBytes, visibleBytes }) => ({
        imageId: layer,
        visible: drawn(visible),
        shadowed: drawn(shadowed),
        allocatedBytes,
        visibleBytes,
      })),
      approximate: held.some(({ exact }) => !exact),
    };
  }
}
