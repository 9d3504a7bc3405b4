import type { Json, Strata } from '../strata.ts';
import type { SeenImage, World } from './world.ts';

/** What can be begun, and killed. */
export type ActKind =
  | 'commit'
  | 'pull'
  | 'flatten'
  | 'delete'
  | 'rebase'
  | 'relink'
  | 'compact'
  | 'promote'
  | 'move'
  | 'take'
  | 'revert'
  | 'forget'
  | 'branch'
  | 'duplicate'
  | 'copy'
  | 'rename'
  | 'check'
  | 'adopt'
  | 'repair'
  | 'convert'
  | 'take-in'
  | 'download'
  | 'checksum';

/** One operation that can be run now, and what it may change in the world. */
export interface Act {
  readonly words: string;
  readonly kind: ActKind;
  /** The VM whose disks it works on, when that is one. */
  readonly vmId: string | null;
  /** Images that are gone when it is done. */
  readonly deletes: ReadonlySet<string>;
  /** Image → image whose content it has when it is done. */
  readonly becomes: ReadonlyMap<string, string>;
  readonly losesSnapshots: ReadonlySet<string>;
  /** Disk → image whose content it shows when it is done; disks not named here show what they showed. */
  readonly disks: ReadonlyMap<string, string>;
  /** For each image that there is more when it is done: the image whose content it has. */
  readonly newImages: readonly string[];
  /** The same of files that no library knew before: what they read. */
  readonly newContents: readonly string[];
  readonly newSnapshots: number;
  /** A VM that there is more when it is done: for each disk the image whose content it shows. */
  readonly newVm: readonly string[] | null;
  /** Images whose file has another path when it is done. */
  readonly moves: ReadonlySet<string>;
  /** What else is not as it should be when it is done; no words when all is well. */
  readonly besides: () => Promise<string[]>;
  /** 0: as fast as it goes; also for what copies nothing. Null when it is refused after all. */
  readonly run: (bytesPerSecond: number) => Promise<Json | null>;
}

export const nothing = {
  vmId: null,
  deletes: new Set<string>(),
  becomes: new Map<string, string>(),
  losesSnapshots: new Set<string>(),
  disks: new Map<string, string>(),
  newImages: [],
  newContents: [],
  newSnapshots: 0,
  newVm: null,
  moves: new Set<string>(),
  besides: () => Promise.resolve([]),
};

export const idsOf = (items: Json[]): Set<string> => new Set(items.map(({ id, imageId }) => id ?? imageId));

export const belowOf = (world: World, image: SeenImage): SeenImage[] => {
  const below: SeenImage[] = [];
  for (let id = image.backingId; id !== null; ) {
    const next = world.images.get(id);
    if (next === undefined) break;
    below.push(next);
    id = next.backingId;
  }
  return below;
};

/** An answer, or null when the wish is refused; a refusal is fine, a fault of the server is not. */
export const unlessRefused = async (strata: Strata, path: string, body: unknown): Promise<Json | null> => {
  const { status, body: answer } = await strata.call('POST', path, body);
  if (status >= 500) throw new Error(`POST ${path}: ${status} ${JSON.stringify(answer)}`);
  return status >= 300 ? null : answer;
};
