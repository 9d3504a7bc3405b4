import { overlaysOf } from '@strata/backing-chain';
import type { OtherUse, Usage } from '@strata/contract';
import { isWithin } from '../images/path-trees.ts';
import type { Survey, SurveyedImage } from './survey.ts';
import { usageByVm } from './usage-by-vm.ts';
import { CountedOnce, type UsedFile } from './used-files.ts';

const sum = (numbers: Iterable<number>): number => {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
};
const bytesOf = (images: Iterable<SurveyedImage>): number => sum([...images].map(({ bytes }) => bytes));

/** By how much its file can grow; nothing writes what something stands on, nor an ISO. */
export const promiseOf = ({ forest }: Pick<Survey, 'forest'>, { record, file }: SurveyedImage): number => {
  const { facts, format, id } = record;
  const grows = file !== null && format !== 'iso' && facts.writable && overlaysOf(forest, id).length === 0;
  return grows ? Math.max(0, facts.virtualSize - file.bytes) : 0;
};

/** The innermost folder of the library that holds it. */
const folderOf = (survey: Survey, { record }: SurveyedImage): string | null => {
  const holding = survey.folders
    .map(({ folder }) => folder)
    .filter(({ path }) => isWithin(record.path, path))
    .sort((one, other) => other.path.length - one.path.length);
  return holding[0]?.id ?? null;
};

const group = <Item, Key>(items: Iterable<Item>, keyOf: (item: Item) => Key): Map<Key, Item[]> => {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const known = groups.get(key);
    if (known === undefined) groups.set(key, [item]);
    else known.push(item);
  }
  return groups;
};

const foldersOf = (survey: Survey): Usage['folders'] => {
  const images = group(survey.images.values(), (image) => folderOf(survey, image));
  const measure = (inside: readonly SurveyedImage[]) => ({
    images: inside.filter(({ file }) => file !== null).length,
    bytes: bytesOf(inside),
    promised: sum(inside.map((image) => promiseOf(survey, image))),
  });
  const registered = survey.folders.map(({ folder, fileSystem }) => {
    const away = fileSystem === null || folder.problems.some(({ code }) => code === 'folder-not-mounted');
    return {
      ...{ id: folder.id, path: folder.path, default: folder.default, problems: folder.problems },
      state: away
        ? ('missing' as const)
        : folder.problems.length > 0
          ? ('unreadable' as const)
          : ('ok' as const),
      fileSystemId: away ? null : fileSystem.id,
      ...measure(images.get(folder.id) ?? []),
    };
  });
  const alone = images.get(null) ?? [];
  if (alone.length === 0) return registered;
  const elsewhere = {
    id: null,
    path: '',
    default: false,
    problems: [],
    state: 'ok' as const,
    fileSystemId: null,
  };
  return [...registered, { ...elsewhere, ...measure(alone) }];
};

/** The base of each image: where its chain ends among what is known. */
const rootsOf = ({ forest, images }: Survey): ReadonlyMap<string, string> => {
  const roots = new Map<string, string>();
  const rootOf = (id: string): string => {
    const path: string[] = [];
    let at = id;
    for (;;) {
      const known = roots.get(at);
      const backing = forest.layers.get(at)?.backingId ?? null;
      path.push(at);
      if (known !== undefined) at = known;
      if (known !== undefined || backing === null || path.includes(backing) || !images.has(backing)) break;
      at = backing;
    }
    for (const each of path) roots.set(each, at);
    return at;
  };
  for (const id of images.keys()) rootOf(id);
  return roots;
};

const treesOf = (survey: Survey): Usage['trees'] => {
  const roots = rootsOf(survey);
  const names = new Map(survey.vms.map(({ id, name }) => [id, name]));
  return [...group(survey.images.values(), ({ record }) => roots.get(record.id) ?? record.id)]
    .flatMap(([root, members]) => {
      const base = survey.images.get(root);
      if (base === undefined) return [];
      const vms = new Set(members.flatMap((member) => member.vms));
      return [
        {
          ...{ imageId: root, name: base.record.name, path: base.record.path, images: members.length },
          ...{ bytes: bytesOf(members), baseBytes: base.bytes },
          vms: [...vms].map((id) => names.get(id) ?? id).sort(),
        },
      ];
    })
    .sort((one, other) => other.bytes - one.bytes || (one.path < other.path ? -1 : 1));
};

interface Counted {
  readonly file: UsedFile;
  readonly bytes: number;
}

const othersOf = (survey: Survey, once: CountedOnce): { use: OtherUse; files: readonly Counted[] }[] => {
  const kinds: [OtherUse['kind'], readonly UsedFile[]][] = [
    ['trash', survey.trash.flatMap(({ file }) => file ?? [])],
    ['uploads', survey.uploads],
    ['downloads', survey.downloads],
    ['making', survey.making],
    ['database', survey.database],
  ];
  return kinds.map(([kind, list]) => {
    const files = list.map((file) => ({ file, bytes: once.add(file) }));
    return { use: { kind, files: files.length, bytes: sum(files.map(({ bytes }) => bytes)) }, files };
  });
};

/** What Strata has on each file system, and what it has promised there. */
const fileSystemsOf = (survey: Survey, counted: readonly Counted[]): Usage['fileSystems'] => {
  const byDevice = group(counted, ({ file }) => file.device);
  const images = group(survey.images.values(), ({ file }) => file?.device ?? null);
  return [...survey.fileSystems.values()].map((system) => ({
    ...system,
    strata: sum((byDevice.get(system.id) ?? []).map(({ bytes }) => bytes)),
    promised: sum((images.get(system.id) ?? []).map((image) => promiseOf(survey, image))),
  }));
};

/** A survey as sums that agree with each other. */
export const usageView = (survey: Survey): Usage => {
  const images = [...survey.images.values()];
  const once = new CountedOnce();
  const ofImages = images.flatMap(({ file }) => (file === null ? [] : [{ file, bytes: once.add(file) }]));
  const ofVms = survey.vms.flatMap(({ files }) => files.map(({ file }) => ({ file, bytes: once.add(file) })));
  const others = othersOf(survey, once);
  const all = [...ofImages, ...ofVms, ...others.flatMap(({ files }) => files)];
  return {
    at: survey.at,
    total: sum(all.map(({ bytes }) => bytes)),
    images: bytesOf(images),
    ofVms: bytesOf(images.filter(({ vms }) => vms.length === 1)),
    sharedByVms: bytesOf(images.filter(({ vms }) => vms.length > 1)),
    unused: bytesOf(images.filter(({ vms }) => vms.length === 0)),
    vmFiles: sum(ofVms.map(({ bytes }) => bytes)),
    hardLinked: images.filter(({ file }) => file !== null && file.names > 1).length,
    fileSystems: fileSystemsOf(survey, all),
    folders: foldersOf(survey),
    vms: usageByVm(survey),
    trees: treesOf(survey),
    others: others.map(({ use }) => use),
  };
};
