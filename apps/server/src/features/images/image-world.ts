import { type Forest, type Layer, type OperationUse, overlaysOf } from '@strata/backing-chain';
import type { Image } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import type { ListedImage } from './image-list.ts';
import type { ImageMemory } from './image-memory.ts';
import { type ImageRecord, modifiedMs } from './image-record.ts';
import { type Relation, relate } from './image-relations.ts';
import { collectMaking, collectTaints, collectUses, type Uses } from './image-uses.ts';
import { factsOf, imageView, layerOf, relationOf, type World } from './image-view.ts';
import type { ImageFacts, UseSource } from './images.types.ts';
import type { Library } from './library.ts';

/** The library joined with what stands on it. What the headers say is computed once a change of the library. */
export class ImageWorld {
  private readonly library: Library;
  private readonly memory: Pick<ImageMemory, 'of'>;
  private readonly sources: UseSource[] = [];
  private version = -1;
  private related: ReadonlyMap<string, Relation> = new Map();
  private layers: ReadonlyMap<string, Layer> = new Map();

  constructor(library: Library, memory: Pick<ImageMemory, 'of'>) {
    this.library = library;
    this.memory = memory;
  }

  addSource(source: UseSource): void {
    this.sources.push(source);
  }

  relations(): ReadonlyMap<string, Relation> {
    if (this.version !== this.library.version) {
      const related = relate(this.library);
      const records = [...this.library.all()].sort((one, other) => (one.path < other.path ? -1 : 1));
      this.related = related;
      this.layers = new Map(
        records.map((record) => [record.id, layerOf(record, relationOf(related, record.id))]),
      );
      this.version = this.library.version;
    }
    return this.related;
  }

  uses(): Uses {
    return collectUses(this.sources);
  }

  /** Unfinished ones, by the images they work on. */
  operations(): OperationUse[] {
    return this.sources.flatMap((source) => source.operations?.() ?? []);
  }

  /** Files that are not, or no longer, images: an unfinished operation makes them, or will remove them. */
  making(): ReadonlySet<string> {
    return collectMaking(this.sources);
  }

  taintOf(id: string): { message: string; repair: string } | undefined {
    return collectTaints(this.sources).get(id);
  }

  /** The layers that can be made whole only while this one exists. */
  mendedBy(id: string): ImageRecord[] {
    return [...collectTaints(this.sources).values()]
      .filter(({ imageId, topId }) => topId === id && imageId !== id)
      .flatMap(({ imageId }) => this.library.get(imageId) ?? []);
  }

  now(): World {
    const relations = this.relations();
    const uses = this.uses();
    const { disks, media, snapshots, operations, exports } = uses;
    const { layers } = this;
    const trashed = this.library.trashed();
    const { complete } = this.library;
    const forest: Forest = {
      ...{ layers, disks, media, snapshots, operations, exports, trashed, complete },
    };
    return { forest, relations, uses, taints: collectTaints(this.sources), memory: this.memory };
  }

  has(id: string): boolean {
    return this.library.get(id) !== undefined;
  }

  /** Throws `not-found`. */
  record(id: string): ImageRecord {
    const record = this.library.get(id);
    if (record === undefined) throw new AppError('not-found', `There is no image ${id}.`);
    return record;
  }

  relation(id: string): Relation {
    return relationOf(this.relations(), id);
  }

  facts(id: string): ImageFacts {
    return factsOf(this.record(id), this.relation(id));
  }

  view(id: string): Image {
    return imageView(this.record(id), this.now());
  }

  /** All, or these. */
  views(ids?: readonly string[]): Image[] {
    const world = this.now();
    return [...(ids ?? world.forest.layers.keys())].map((id) => imageView(this.record(id), world));
  }

  listed(): ListedImage[] {
    return [...this.library.all()].map((record) => ({
      id: record.id,
      name: record.name,
      path: record.path,
      format: record.format,
      virtualSize: record.facts.virtualSize,
      allocatedSize: record.facts.allocatedSize,
      modifiedAt: modifiedMs(record),
    }));
  }

  isUsed(id: string): boolean {
    const { forest, uses } = this.now();
    return (uses.byImage.get(id)?.length ?? 0) > 0 || overlaysOf(forest, id).length > 0;
  }
}
