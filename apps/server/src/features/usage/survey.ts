import { dirname, join } from 'node:path';
import { chainIds, type Forest } from '@strata/backing-chain';
import type { Folder, Vm } from '@strata/contract';
import type { ImageRecord } from '../images/image-record.ts';
import type { TrashRow } from '../images/images.repository.ts';
import type { ImagesFeature } from '../images/images.service.ts';
import {
  CountedOnce,
  type FileSystemFacts,
  fileSystemOf,
  filesBelow,
  type UsedFile,
  usedFile,
} from './used-files.ts';

export interface SurveyDeps {
  readonly dataDir: string;
  readonly library: Pick<ImagesFeature, 'images' | 'folders' | 'access'>;
  readonly vms: {
    list(): Pick<Vm, 'id' | 'name'>[];
    readonly memory: { suspended(vmId: string): { readonly file: string } | null };
  };
}

export interface SurveyedImage {
  readonly record: ImageRecord;
  readonly file: UsedFile | null;
  /** Of its file, unless another name of it came before. */
  readonly bytes: number;
  /** Ids of the VMs that need it: a disk, a snapshot, a drive, or what stands on it. */
  readonly vms: readonly string[];
}

export interface SurveyedVm {
  readonly id: string;
  readonly name: string;
  readonly files: readonly { readonly file: UsedFile; readonly kind: 'memory' | 'firmware' | 'other' }[];
  /** File name of the memory that its next start goes on from. */
  readonly suspended: string | null;
}

/** All that Strata has on disk at one moment, and who needs it. */
export interface Survey {
  readonly at: string;
  readonly forest: Forest;
  readonly folders: readonly { readonly folder: Folder; readonly fileSystem: FileSystemFacts | null }[];
  readonly images: ReadonlyMap<string, SurveyedImage>;
  readonly vms: readonly SurveyedVm[];
  readonly trash: readonly { readonly row: TrashRow; readonly file: UsedFile | null }[];
  readonly uploads: readonly UsedFile[];
  readonly downloads: readonly UsedFile[];
  readonly making: readonly UsedFile[];
  readonly database: readonly UsedFile[];
  /** By device; of folders, and of single images elsewhere. */
  readonly fileSystems: ReadonlyMap<string, FileSystemFacts>;
}

/** At a time; each is one call to the file system. */
const atOnce = 32;

const statAll = async (paths: readonly string[]): Promise<(UsedFile | null)[]> => {
  const found: (UsedFile | null)[] = [];
  for (let from = 0; from < paths.length; from += atOnce)
    found.push(...(await Promise.all(paths.slice(from, from + atOnce).map(usedFile))));
  return found;
};

/** Which VMs need which image. */
const needersOf = (forest: Forest): Map<string, string[]> => {
  const needers = new Map<string, Set<string>>();
  const chains = new Map<string, readonly string[]>();
  const chainBelow = (id: string): readonly string[] => {
    const known = chains.get(id) ?? chainIds(forest, id);
    chains.set(id, known);
    return known;
  };
  for (const { vmId, imageId } of [...forest.disks, ...forest.snapshots, ...forest.media])
    for (const id of chainBelow(imageId)) needers.set(id, (needers.get(id) ?? new Set()).add(vmId));
  return new Map([...needers].map(([id, vms]) => [id, [...vms]]));
};

const kindOf = (folder: string, path: string): 'memory' | 'firmware' | 'other' => {
  const below = path.slice(folder.length + 1);
  if (below.startsWith('memory/')) return 'memory';
  return below.startsWith('uefi') ? 'firmware' : 'other';
};

const surveyVm = async (
  { dataDir, vms }: SurveyDeps,
  { id, name }: Pick<Vm, 'id' | 'name'>,
): Promise<SurveyedVm> => {
  const folder = join(dataDir, 'vms', id);
  const files = (await filesBelow(folder)).map((file) => ({ file, kind: kindOf(folder, file.path) }));
  return { id, name, files, suspended: vms.memory.suspended(id)?.file ?? null };
};

/** Also those of single images that lie in no folder of the library. */
const systemsOf = async (
  ofFolders: readonly (FileSystemFacts | null)[],
  images: readonly SurveyedImage[],
): Promise<Map<string, FileSystemFacts>> => {
  const known = new Map(
    ofFolders.flatMap((system) => (system === null ? [] : [[system.id, system] as const])),
  );
  for (const { file } of images) {
    if (file === null || known.has(file.device)) continue;
    const system = await fileSystemOf(dirname(file.path));
    if (system !== null) known.set(system.id, system);
  }
  return known;
};

/** Looks at every file by itself, reads none, starts nothing. */
export const takeSurvey = async (deps: SurveyDeps): Promise<Survey> => {
  const { dataDir, library } = deps;
  const { access } = library;
  const { forest } = access.world.now();
  const records = [...access.library.all()];
  const needers = needersOf(forest);
  const rows = access.repository.trash();
  const folders = library.folders.list();
  const below = (name: string): Promise<UsedFile[]> => filesBelow(join(dataDir, name));
  const store = ['strata.db', 'strata.db-wal', 'strata.db-shm'].map((name) => join(dataDir, name));
  const [files, trashed, systems, vms, uploads, downloads, making, backups, stored] = await Promise.all([
    statAll(records.map(({ path }) => path)),
    statAll(rows.map(({ trashPath }) => trashPath)),
    Promise.all(folders.map(({ path }) => fileSystemOf(path))),
    Promise.all(deps.vms.list().map((vm) => surveyVm(deps, vm))),
    ...([below('incoming'), below('outgoing'), below('making'), below('backups')] as const),
    statAll(store),
  ]);
  const once = new CountedOnce();
  const images = new Map(
    records.map((record, index) => {
      const file = record.present ? (files[index] ?? null) : null;
      return [record.id, { record, file, bytes: once.add(file), vms: needers.get(record.id) ?? [] }];
    }),
  );
  const fileSystems = await systemsOf([...systems], [...images.values()]);
  return {
    at: new Date().toISOString(),
    ...{ forest, images, vms, uploads, downloads, making, fileSystems },
    folders: folders.map((folder, index) => ({ folder, fileSystem: systems[index] ?? null })),
    trash: rows.map((row, index) => ({ row, file: trashed[index] ?? null })),
    database: [...backups, ...stored.flatMap((file) => file ?? [])],
  };
};
