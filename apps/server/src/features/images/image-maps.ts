import { setImmediate as breathe } from 'node:timers/promises';
import {
  ColumnDrawing,
  countWithin,
  type ExtentList,
  extentsOf,
  type HeldLayer,
  lengthOf,
  seenThrough,
} from '@strata/backing-chain';
import type { ImageMap, ImageMapQuery } from '@strata/contract';
import type { LayerUsage } from '@strata/disk-image';
import { AppError } from '../../app-error.ts';
import { approvedChain } from './chain-facts.ts';
import { type Held, HeldRanges } from './held-ranges.ts';
import type { ImageRecord } from './image-record.ts';
import type { ImageWorld } from './image-world.ts';
import { usageOf } from './layer-usage.ts';
import { mapBounded } from './map-bounded.ts';

/** So many pieces are looked at in a few milliseconds; between them others get their turn. */
const piecesAtOnce = 20_000;
const narrowest = 1024 ** 2;
const mostSums = 256;

interface Sums {
  readonly allocated: Float64Array;
  readonly visible: Float64Array;
}
type Drawn = Pick<ImageMap['layers'][number], 'visible' | 'shadowed' | 'visibleHeld' | 'shadowedHeld'>;

/** The disk from `start` to `end` in windows of at most so many pieces of all layers together. */
function* windowsOf(
  chain: readonly HeldLayer[],
  start: number,
  end: number,
): Generator<readonly [start: number, end: number]> {
  const count = chain.reduce((sum, { own }) => sum + countWithin(own, start, end), 0);
  if (count <= piecesAtOnce || end - start <= narrowest) return yield [start, end];
  const middle = Math.floor((start + end) / 2);
  yield* windowsOf(chain, start, middle);
  yield* windowsOf(chain, middle, end);
}

const sumsOf = async (chain: readonly HeldLayer[]): Promise<Sums> => {
  const allocated = new Float64Array(chain.length);
  const visible = new Float64Array(chain.length);
  const end = Math.max(0, ...chain.map(({ size }) => size));
  for (const window of windowsOf(chain, 0, end)) {
    seenThrough(chain, ...window).forEach((layer, index) => {
      const seen = lengthOf(layer.visible);
      visible[index] = (visible[index] ?? 0) + seen;
      allocated[index] = (allocated[index] ?? 0) + seen + lengthOf(layer.shadowed);
    });
    await breathe();
  }
  return { allocated, visible };
};

const drawn = async (
  chain: readonly HeldLayer[],
  { start, length, columns }: { start: number; length: number; columns: number },
): Promise<Drawn[]> => {
  const layers = chain.map(() => ({
    visible: new ColumnDrawing(start, length, columns),
    shadowed: new ColumnDrawing(start, length, columns),
  }));
  for (const window of windowsOf(chain, start, start + length)) {
    seenThrough(chain, ...window).forEach(({ visible, shadowed }, index) => {
      layers[index]?.visible.add(visible);
      layers[index]?.shadowed.add(shadowed);
    });
    await breathe();
  }
  const told = (extents: ExtentList): [number, number][] => extents.map(([from, bytes]) => [from, bytes]);
  return layers.map((layer) => {
    const [visible, shadowed] = [layer.visible.finish(), layer.shadowed.finish()];
    return {
      visible: told(visible.extents),
      shadowed: told(shadowed.extents),
      ...(visible.held === null ? {} : { visibleHeld: [...visible.held] }),
      ...(shadowed.held === null ? {} : { shadowedHeld: [...shadowed.held] }),
    };
  });
};

/** The cross-sections: who provides what to the top of a chain, as finely as they are asked for. */
export class ImageMaps {
  private readonly world: ImageWorld;
  private readonly held = new HeldRanges();
  private readonly sums = new Map<string, Sums>();
  flush: (imageId: string) => Promise<boolean> = () => Promise.resolve(false);

  constructor(world: ImageWorld) {
    this.world = world;
  }

  async allocation(id: string): Promise<ExtentList> {
    return extentsOf((await this.heldBy(this.world.record(id))).ranges);
  }

  private async heldBy(record: ImageRecord): Promise<Held> {
    const { id } = record;
    const [flaw] = record.facts.flaws;
    if (flaw !== undefined) throw new AppError('image-refused', `${record.path}: ${flaw.message}`);
    const written = this.world.uses().disks.some((disk) => disk.running && disk.imageId === id);
    const flushed = written && (await this.flush(id).catch(() => false));
    const held = await this.held.of(record, flushed);
    return written && !flushed ? { ...held, exact: false } : held;
  }

  async usage(id: string): Promise<LayerUsage> {
    // Refuses what must not be read, and has a running VM flush first.
    const extents = await this.allocation(id);
    return usageOf(this.world.record(id), () => Promise.resolve(extents));
  }

  async map(id: string, { start, length, columns }: ImageMapQuery): Promise<ImageMap> {
    const records = approvedChain(this.world, id);
    const virtualSize = records[0]?.facts.virtualSize ?? 0;
    if (start >= virtualSize)
      throw new AppError(
        'not-possible',
        `The disk ends at ${virtualSize} bytes; nothing begins at ${start}.`,
      );
    const range = { start, length: Math.min(length ?? virtualSize, virtualSize - start), columns };
    const held = await mapBounded(records, 4, (record) => this.heldBy(record));
    const chain = records.map(({ facts }, index) => ({
      own: held[index]?.ranges ?? new Float64Array(0),
      size: facts.virtualSize,
    }));
    const [sums, layers] = [await this.sumsFor(chain, held), await drawn(chain, range)];
    return {
      virtualSize,
      start,
      length: range.length,
      layers: layers.map((layer, index) => ({
        imageId: records[index]?.id ?? '',
        ...layer,
        allocatedBytes: sums.allocated[index] ?? 0,
        visibleBytes: sums.visible[index] ?? 0,
      })),
      approximate: held.some(({ exact }) => !exact),
    };
  }

  /** The same for every range of a disk that one looks at closely. */
  private async sumsFor(chain: readonly HeldLayer[], held: readonly Held[]): Promise<Sums> {
    if (held.some(({ state }) => state === null)) return sumsOf(chain);
    const key = held.map(({ state }, index) => `${state}:${chain[index]?.size}`).join('|');
    const known = this.sums.get(key) ?? (await sumsOf(chain));
    this.sums.delete(key);
    this.sums.set(key, known);
    const oldest = this.sums.keys().next();
    if (this.sums.size > mostSums && oldest.done !== true) this.sums.delete(oldest.value);
    return known;
  }
}
