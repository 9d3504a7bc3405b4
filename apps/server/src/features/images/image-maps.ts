import {
  ColumnDrawing,
  type CompactUsage,
  type ExtentList,
  extentsOf,
  type HeldLayer,
  lengthOf,
  type SeenLayer,
  within,
} from '@strata/backing-chain';
import type { ImageMap, ImageMapQuery } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { approvedChain } from './chain-facts.ts';
import { type Held, HeldRanges } from './held-ranges.ts';
import type { ImageRecord } from './image-record.ts';
import type { ImageWorld } from './image-world.ts';
import { usageOf } from './layer-usage.ts';
import { mapBounded } from './map-bounded.ts';
import { walkDisk } from './walk-disk.ts';

const mostSums = 256;

/** Of each layer, over the whole disk. */
interface Sums {
  readonly allocated: Float64Array;
  readonly visible: Float64Array;
}
type Drawn = Pick<ImageMap['layers'][number], 'visible' | 'shadowed' | 'visibleHeld' | 'shadowedHeld'>;

const addTo = ({ allocated, visible }: Sums, seen: readonly SeenLayer[]): void =>
  seen.forEach((layer, index) => {
    const bytes = lengthOf(layer.visible);
    visible[index] = (visible[index] ?? 0) + bytes;
    allocated[index] = (allocated[index] ?? 0) + bytes + lengthOf(layer.shadowed);
  });

/** What a screen shows of one layer. */
class LayerDrawing {
  private readonly visible: ColumnDrawing;
  private readonly shadowed: ColumnDrawing;
  private readonly start: number;
  private readonly end: number;

  constructor({ start, length, columns }: { start: number; length: number; columns: number }) {
    this.visible = new ColumnDrawing(start, length, columns);
    this.shadowed = new ColumnDrawing(start, length, columns);
    this.start = start;
    this.end = start + length;
  }

  add({ visible, shadowed }: SeenLayer): void {
    this.visible.add(within(visible, this.start, this.end));
    this.shadowed.add(within(shadowed, this.start, this.end));
  }

  finish(): Drawn {
    const [visible, shadowed] = [this.visible.finish(), this.shadowed.finish()];
    const told = (extents: ExtentList): [number, number][] => extents.map(([from, bytes]) => [from, bytes]);
    return {
      visible: told(visible.extents),
      shadowed: told(shadowed.extents),
      ...(visible.held === null ? {} : { visibleHeld: [...visible.held] }),
      ...(shadowed.held === null ? {} : { shadowedHeld: [...shadowed.held] }),
    };
  }
}

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

  async usage(id: string): Promise<CompactUsage> {
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
    const drawings = chain.map(() => new LayerDrawing(range));
    const draw = (seen: readonly SeenLayer[]): void =>
      seen.forEach((layer, index) => {
        drawings[index]?.add(layer);
      });
    const sums = await this.sumsFor(chain, held, range, draw);
    return {
      virtualSize,
      start,
      length: range.length,
      layers: drawings.map((drawing, index) => ({
        imageId: records[index]?.id ?? '',
        ...drawing.finish(),
        allocatedBytes: sums.allocated[index] ?? 0,
        visibleBytes: sums.visible[index] ?? 0,
      })),
      approximate: held.some(({ exact }) => !exact),
    };
  }

  /** Draws the range, and adds up the whole disk in the same walk, unless that is known: it is the same for every range. */
  private async sumsFor(
    chain: readonly HeldLayer[],
    held: readonly Held[],
    range: { start: number; length: number },
    draw: (seen: readonly SeenLayer[]) => void,
  ): Promise<Sums> {
    const settled = held.every(({ state }) => state !== null);
    const key = held.map(({ state }, index) => `${state}:${chain[index]?.size}`).join('|');
    const known = settled ? this.sums.get(key) : undefined;
    if (known !== undefined) {
      await walkDisk(chain, range.start, range.start + range.length, draw);
      return known;
    }
    const sums = { allocated: new Float64Array(chain.length), visible: new Float64Array(chain.length) };
    await walkDisk(chain, 0, Math.max(0, ...chain.map(({ size }) => size)), (seen) => {
      addTo(sums, seen);
      draw(seen);
    });
    if (settled) this.keep(key, sums);
    return sums;
  }

  private keep(key: string, sums: Sums): void {
    this.sums.set(key, sums);
    const oldest = this.sums.keys().next();
    if (this.sums.size > mostSums && oldest.done !== true) this.sums.delete(oldest.value);
  }
}
