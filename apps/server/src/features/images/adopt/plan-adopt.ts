import { createHash } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import type { AdoptedImage, AdoptFolder, AdoptPlan, Blocker } from '@strata/contract';
import { lockHolder } from '../../../qemu/lock-holder.ts';
import { freeSpaceIn, spendable } from '../../../space-reserve.ts';
import { libraryFolder } from '../create-images.ts';
import { type FolderPlace, placeOfFolder } from '../folder-place.ts';
import { realFolder } from '../folders.service.ts';
import { demandFreeSpace } from '../free-space.ts';
import { candidatePaths, exists } from '../image-names.ts';
import type { ImageRecord } from '../image-record.ts';
import { extensions } from '../import-images.ts';
import type { LibraryAccess } from '../library-access.ts';
import { isWithin } from '../path-trees.ts';
import { ringOf } from '../repair/repair-words.ts';
import { vmsOn } from '../work/image-work.service.ts';
import { adoptImage, chainBelow } from './adopt-image.ts';
import { type Survey, surveyFolder } from './survey-folder.ts';

/** A plan with all that the carrying out needs to know. */
export interface PlannedAdoption {
  readonly survey: Survey;
  readonly plan: AdoptPlan;
  /** Where the folder is that files are copied or moved to. */
  readonly place: FolderPlace | null;
  /** Every image of the plan with its record, what is stood on before what stands on it. */
  readonly upwards: readonly { readonly image: AdoptedImage; readonly record: ImageRecord }[];
}

const targetsOf = async (
  folder: string | null,
  images: readonly Omit<AdoptedImage, 'target'>[],
): Promise<AdoptedImage[]> => {
  const taken = new Set<string>();
  const free = async (path: string): Promise<boolean> => !taken.has(path) && !(await exists(path));
  const targetOf = async (image: Omit<AdoptedImage, 'target'>): Promise<string | null> => {
    if (folder === null || (image.action !== 'copy' && image.action !== 'move')) return null;
    const same = join(folder, basename(image.path));
    if (same === image.path) return same;
    // A file that is moved keeps its name, as long as nobody else has it there.
    if (image.action === 'move' && (await free(same))) return same;
    const extension = extname(image.path).slice(1).toLowerCase() || extensions[image.format];
    for (const path of candidatePaths(folder, basename(image.path, extname(image.path)), extension))
      if (await free(path)) return path;
    return null;
  };
  const found: AdoptedImage[] = [];
  for (const image of images) {
    const target = await targetOf(image);
    if (target !== null) taken.add(target);
    found.push({ ...image, target });
  }
  return found;
};

const chainsOf = ({ world, images }: Survey): AdoptPlan['chains'] => {
  const ids = new Set(images.map(({ id }) => id));
  const stoodOn = new Set(images.map(({ id }) => world.relation(id).backingId));
  const pathsOf = (members: readonly ImageRecord[]): string[] => members.map(({ path }) => path);
  const chains = images
    .filter(({ id }) => !stoodOn.has(id))
    .map(({ id }) => chainBelow(world, id))
    .filter(({ members }) => members.some(({ id }) => ids.has(id)))
    .map(({ members, broken }) => ({ paths: pathsOf(members), whole: broken === null }));
  // A circle has no top: it is one chain, wherever one begins to read it.
  const inCircles = new Set<string>();
  for (const { id } of images) {
    if (inCircles.has(id)) continue;
    const ring = ringOf(world, id);
    for (const member of ring) inCircles.add(member.id);
    if (ring.length > 0) chains.push({ paths: pathsOf(ring), whole: false });
  }
  return chains;
};

const outsideOf = ({ outside, library, images }: Survey, wanted: boolean): AdoptPlan['outside'] => {
  const known = [...images, ...outside.flatMap(({ record }) => record ?? [])];
  return outside.map(({ path, why }) => ({
    path,
    neededBy: known
      .filter(({ id }) => {
        const target = library.backingOf(id)?.target;
        return target?.kind === 'file' && target.path === path;
      })
      .map((overlay) => overlay.path),
    action: wanted && why === null ? 'register' : 'leave',
    why,
  }));
};

/** A link in the trash is not rewritten: restored, that image would look for its backing under the old name. */
const trashBlockers = ({ world }: LibraryAccess, images: readonly AdoptedImage[]): Blocker[] =>
  world
    .now()
    .forest.trashed.filter(({ imageId }) =>
      images.some((image) => image.imageId === imageId && image.action === 'move'),
    )
    .map(({ trashId, name }) => ({
      code: 'held-by-trash',
      message: `“${name}” in the trash stands on an image that would be moved. Delete it from the trash for good, or restore it, first.`,
      subjects: [{ kind: 'trash', id: trashId, name }],
    }));

/** The link in each of these is rewritten when what it stands on is moved. */
const linkedTo = ({ world, library }: Survey, images: readonly AdoptedImage[]): ImageRecord[] => {
  const moved = new Set(images.filter(({ action }) => action === 'move').map(({ path }) => path));
  const own = new Set(images.map(({ path }) => path));
  return [...library.all()].filter(({ id, path }) => {
    const { backingId } = world.relation(id);
    return !own.has(path) && backingId !== null && moved.has(world.record(backingId).path);
  });
};

/** By the books, which know a VM also where QEMU's locks do not tell: of a network folder, or of another user's process. */
const runningBlockers = (
  { world }: LibraryAccess,
  images: readonly AdoptedImage[],
  overlays: readonly ImageRecord[],
): Blocker[] => {
  const { forest } = world.now();
  const known = images.flatMap(({ action, recordFormat, imageId }) =>
    imageId !== null && (action === 'move' || recordFormat !== null) ? [imageId] : [],
  );
  const running = [...known, ...overlays.map(({ id }) => id)]
    .filter((id) => forest.layers.has(id))
    .flatMap((id) => vmsOn(forest, id))
    .filter((vm) => vm.running);
  return [...new Map(running.map((vm) => [vm.vmId, vm])).values()].map(({ vmId, vmName }) => ({
    code: 'held-by-running-vm',
    message: `The VM “${vmName}” runs on images that would be changed. Shut it down first.`,
    subjects: [{ kind: 'vm', id: vmId, name: vmName }],
  }));
};

const blockersOf = async (
  access: LibraryAccess,
  survey: Survey,
  plan: Pick<AdoptPlan, 'images' | 'freeSpaceNeeded' | 'folder' | 'registersFolder' | 'outside'>,
  useReserve: boolean | undefined,
): Promise<Blocker[]> => {
  const overlays = linkedTo(survey, plan.images);
  const blockers: Blocker[] = runningBlockers(access, plan.images, overlays);
  const touched = plan.images.filter(
    ({ action, recordFormat }) => action === 'move' || action === 'copy' || recordFormat !== null,
  );
  for (const { path } of [...touched, ...overlays]) {
    const holder = await lockHolder(path);
    // A VM of the books has been named already.
    if (holder === null || blockers.some(({ code }) => code === 'held-by-running-vm')) continue;
    const message = `${holder.program} (process ${holder.pid}) has ${path} open. Close it there first.`;
    blockers.push({ code: 'image-locked', message, subjects: [] });
  }
  blockers.push(...trashBlockers(access, plan.images));
  if (!access.library.complete && plan.images.some(({ action }) => action === 'move'))
    blockers.push({
      code: 'library-incomplete',
      message:
        'A folder of the library cannot be read, so it is not known which overlays lead to the files that would be moved.',
      subjects: [],
    });
  const { folder, freeSpaceNeeded } = plan;
  if (folder !== null && freeSpaceNeeded > 0)
    await demandFreeSpace(folder, freeSpaceNeeded, useReserve).catch(({ message }: Error) => {
      blockers.push({ code: 'disk-full', message, subjects: [] });
    });
  const works = plan.images.some(
    ({ action, recordFormat }) => recordFormat !== null || (action !== 'leave' && action !== 'known'),
  );
  if (!works && !plan.registersFolder && plan.outside.every(({ action }) => action === 'leave'))
    blockers.push({ code: 'nothing-to-do', message: 'There is nothing to do in this folder.', subjects: [] });
  return blockers;
};

const count = (number: number, one: string, many: string): string =>
  number === 1 ? `1 ${one}` : `${number.toLocaleString('en')} ${many}`;

const stepsOf = (
  plan: Pick<AdoptPlan, 'images' | 'outside' | 'registersFolder' | 'folder' | 'path'>,
): string[] => {
  const formats = plan.images.filter(
    ({ recordFormat, action }) => recordFormat !== null && action !== 'copy',
  );
  const moved = plan.images.filter(({ action }) => action === 'move' || action === 'copy');
  const outside = plan.outside.filter(({ action }) => action === 'register');
  const registered = [
    ...(plan.registersFolder ? [`Register the folder ${plan.path}`] : []),
    ...(outside.length > 0 ? [`Register ${count(outside.length, 'file', 'files')} outside it`] : []),
  ];
  const unregistered = moved.some(({ action }) => action === 'move')
    ? 'Note the images that are new to the library'
    : 'Nothing has to be registered';
  const verb = moved[0]?.action === 'copy' ? 'Copy' : 'Move';
  return [
    'Look whether every file is as it was',
    registered.length > 0 ? registered.join('; ') : unregistered,
    formats.length > 0
      ? `Write the format of the backing into ${count(formats.length, 'header', 'headers')}`
      : 'No header has to be written',
    moved.length > 0
      ? `${verb} ${count(moved.length, 'image', 'images')} to ${plan.folder}, bases first, with their links`
      : 'No file is copied or moved',
  ];
};

const fingerprintOf = (
  access: LibraryAccess,
  wish: AdoptFolder,
  { survey, plan }: PlannedAdoption,
): string => {
  const facts = [
    [wish.path, wish.mode, wish.folder, wish.outside, wish.recordFormats, wish.useReserve],
    access.folders().map(({ path }) => path),
    survey.images.map(({ path, identity, format }) => [path, identity, format]),
    survey.outside.map(({ path, record, why }) => [path, record?.identity, why]),
    plan.images.map(({ imageId, action, target, recordFormat, backing, problems }) => [
      ...[imageId, action, target, recordFormat, backing],
      problems.map(({ code }) => code),
    ]),
    plan.blockers.map(({ code }) => code),
  ];
  return createHash('sha256').update(JSON.stringify(facts)).digest('base64url');
};

/** What stands on an image that stays where it is stays with it. `upwards`: what is stood on comes first. */
const withWhatStays = (
  { world }: Survey,
  upwards: readonly ImageRecord[],
  images: readonly Omit<AdoptedImage, 'target'>[],
): Omit<AdoptedImage, 'target'>[] => {
  const stays = new Map<string, string>();
  return images.map((image, at) => {
    const id = upwards[at]?.id ?? '';
    const below = stays.get(world.relation(id).backingId ?? '');
    const left =
      below !== undefined && (image.action === 'move' || image.action === 'copy')
        ? {
            ...image,
            action: 'leave' as const,
            recordFormat: null,
            why: `“${below}” below it stays where it is.`,
          }
        : image;
    if (left.action === 'leave') stays.set(id, left.name);
    return left;
  });
};

/** What taking in a folder comes to. Touches nothing. */
export const planAdopt = async (access: LibraryAccess, wish: AdoptFolder): Promise<PlannedAdoption> => {
  const path = await realFolder(wish.path, access.dataDir);
  const folder = wish.mode === 'register' ? null : await libraryFolder(access, wish.folder);
  const survey = await surveyFolder(access, path, wish.outside === 'register');
  const depth = ({ id }: ImageRecord): number => chainBelow(survey.world, id).members.length;
  const upwards = [...survey.images].sort((one, other) => depth(one) - depth(other));
  const isKnown = ({ id }: ImageRecord): boolean => access.library.get(id) !== undefined;
  const images = await targetsOf(
    folder,
    withWhatStays(
      survey,
      upwards,
      upwards.map((record) => adoptImage(survey, record, wish, isKnown(record))),
    ),
  );
  const space = folder === null ? null : await freeSpaceIn(folder);
  const device = folder === null ? null : (await lstat(folder)).dev;
  let bytesToCopy = 0;
  for (const { action, path: from, allocatedSize } of images)
    if (action === 'copy' || (action === 'move' && (await lstat(dirname(from))).dev !== device))
      bytesToCopy += allocatedSize;
  const unregistered = !access.folders().some((each) => isWithin(path, each.path));
  const parts = {
    ...{ path, mode: wish.mode, folder, images, bytesToCopy },
    registersFolder: wish.mode === 'register' && unregistered,
    chains: chainsOf(survey),
    outside: outsideOf(survey, wish.outside === 'register'),
    unreadable: [...survey.unreadable],
    freeSpaceNeeded: bytesToCopy,
    freeSpace: space === null ? null : spendable(space, wish.useReserve),
    fitsInReserve: space !== null && bytesToCopy > spendable(space) && bytesToCopy <= space.free,
  };
  const plan: AdoptPlan = {
    ...parts,
    fingerprint: '',
    blockers: await blockersOf(access, survey, parts, wish.useReserve),
    steps: stepsOf(parts),
  };
  const planned = {
    survey,
    place: folder === null ? null : await placeOfFolder(folder),
    plan,
    upwards: upwards.flatMap((record, at) => {
      const image = images[at];
      return image === undefined ? [] : [{ image, record }];
    }),
  };
  return { ...planned, plan: { ...plan, fingerprint: fingerprintOf(access, wish, planned) } };
};
