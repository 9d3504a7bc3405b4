import type { Image, ImageChain, ImageMap } from '@strata/contract';
import { colourOf, type LayerColours } from './layer-colours.ts';

type SnapshotMark = ImageChain['snapshotsByImage'][string][number];

/** A layer of the chain shown, with all that its row says. */
export interface LayerModel {
  readonly image: Image;
  readonly colour: string;
  readonly position: 'active' | 'layer' | 'base' | 'only';
  readonly snapshots: readonly SnapshotMark[];
  /** Null as long as the cross-section is not read, or where it cannot be. */
  readonly map: ImageMap['layers'][number] | null;
  /** Who else stands on it: a commit into it is refused. */
  readonly lockedBy: readonly string[];
}

interface ModelInput {
  readonly chain: ImageChain;
  readonly map: ImageMap | undefined;
  readonly colours: LayerColours;
  readonly scheme: 'dark' | 'light';
}

export function layerModels({ chain, map, colours, scheme }: ModelInput): LayerModel[] {
  const maps = new Map(map?.layers.map((layer) => [layer.imageId, layer]));
  const shown = new Set(chain.layers.map(({ id }) => id));
  const last = chain.layers.length - 1;
  return chain.layers.map((image, index) => ({
    image,
    colour: colourOf(colours, image.id, scheme),
    position: positionOf(image, index, last),
    snapshots: chain.snapshotsByImage[image.id] ?? [],
    map: maps.get(image.id) ?? null,
    lockedBy: lockedBy(image, shown, index === 0),
  }));
}

/** The last that is shown is no base where its backing cannot be opened. */
function positionOf(image: Image, index: number, last: number): LayerModel['position'] {
  if (index === last && image.backing === undefined) return last === 0 ? 'only' : 'base';
  return index === 0 && last > 0 ? 'active' : 'layer';
}

/** Overlays outside this chain, exports, and VMs that use a layer which is not the top of this one. */
function lockedBy(image: Image, shown: ReadonlySet<string>, isTop: boolean): string[] {
  return image.usedBy
    .filter(({ kind, id }) => {
      if (kind === 'overlay') return !shown.has(id);
      return kind === 'export' || (kind === 'vm' && !isTop);
    })
    .map(({ name }) => name);
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
