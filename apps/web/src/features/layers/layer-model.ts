import type { Image, ImageChain, ImageMap } from '@strata/contract';
import { strangeTags } from '../../lib/internal-name.ts';
import { colourOf, type LayerColours } from './layer-colours.ts';

type SnapshotMark = ImageChain['snapshotsByImage'][string][number];

/** A layer of the chain shown, with all that its row says. */
export interface LayerModel {
  readonly image: Image;
  readonly colour: string;
  readonly position: 'active' | 'layer' | 'base' | 'only';
  readonly snapshots: readonly SnapshotMark[];
  /** Tags inside its file that are none of these snapshots. */
  readonly tags: Image['internalSnapshots'];
  /** Null as long as the cross-section is not read, or where it cannot be. */
  readonly map: ImageMap['layers'][number] | null;
  /** Who else needs it as it is: a commit into it is refused. */
  readonly locks: readonly Lock[];
}

export interface Lock {
  readonly kind: 'overlay' | 'vm' | 'export' | 'inside' | 'operation' | 'trash';
  readonly name: string;
}

interface ModelInput {
  readonly chain: ImageChain;
  readonly map: ImageMap | undefined;
  readonly colours: LayerColours;
  readonly scheme: 'dark' | 'light';
  /**
   * The work shown between the rows, and all that it works on: what stands there is told by the drawing, and is about
   * to change. Without this, the layer that a commit has just merged away would lock its target for a moment.
   */
  readonly atWork?: ReadonlySet<string>;
}
const nobody: ReadonlySet<string> = new Set();

export function layerModels({ chain, map, colours, scheme, atWork = nobody }: ModelInput): LayerModel[] {
  const maps = new Map(map?.layers.map((layer) => [layer.imageId, layer]));
  const shown = new Set(chain.layers.map(({ id }) => id));
  const last = chain.layers.length - 1;
  return chain.layers.map((image, index) => ({
    image,
    colour: colourOf(colours, image.id, scheme),
    position: positionOf(image, index, last),
    snapshots: chain.snapshotsByImage[image.id] ?? [],
    tags: strangeTags(image),
    map: maps.get(image.id) ?? null,
    locks: locksOn(image, { shown, isTop: index === 0, atWork, trashed: chain.trashedByImage?.[image.id] }),
  }));
}

/** The last that is shown is no base where its backing cannot be opened. */
function positionOf(image: Image, index: number, last: number): LayerModel['position'] {
  if (index === last && image.backing === undefined) return last === 0 ? 'only' : 'base';
  return index === 0 && last > 0 ? 'active' : 'layer';
}

interface Surroundings {
  readonly shown: ReadonlySet<string>;
  readonly isTop: boolean;
  readonly atWork: ReadonlySet<string>;
  readonly trashed: readonly { readonly name: string }[] | undefined;
}

/** Overlays outside this chain (deleted ones too), exports, operations, and VMs that use a layer which is not its top. */
function locksOn(image: Image, { shown, isTop, atWork, trashed = [] }: Surroundings): Lock[] {
  const locks = image.usedBy.flatMap(({ kind, id, name }): Lock[] => {
    if (kind === 'snapshot' || atWork.has(id)) return [];
    if (kind === 'overlay' && shown.has(id)) return [];
    return kind === 'vm' && isTop ? [] : [{ kind, name }];
  });
  return [...locks, ...trashed.map(({ name }): Lock => ({ kind: 'trash', name }))];
}

export function namesOf(models: readonly LayerModel[]): (imageId: string) => string {
  const names = new Map(models.map(({ image }) => [image.id, image.name]));
  return (imageId) => names.get(imageId) ?? '';
}

/** Bytes of the run's files, and how much of what they hold the guest still reads. */
export function runFacts(run: readonly LayerModel[]): { stored: number; visible: number | null } {
  const stored = run.reduce((sum, { image }) => sum + image.allocatedSize, 0);
  const visible = run.every(({ map }) => map !== null)
    ? run.reduce((sum, { map }) => sum + (map?.visibleBytes ?? 0), 0)
    : null;
  return { stored, visible };
}
