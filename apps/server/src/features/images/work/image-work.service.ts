import { chainIds, type Forest, withDescendants } from '@strata/backing-chain';
import type { CheckImage, CopyImage, ExtractImage, Image, Operation, RenameImage } from '@strata/contract';
import { AppError } from '../../../app-error.ts';
import { newId } from '../../../new-id.ts';
import { checkedFormats, mendedFormats } from '../../../qemu/image-work.ts';
import { lockHolder } from '../../../qemu/lock-holder.ts';
import type { OperationSubject, OperationsService } from '../../operations/operations.types.ts';
import type { ImagesFeature } from '../images.service.ts';
import type { ImageMoves } from '../images.types.ts';
import type { LibraryAccess } from '../library-access.ts';
import type { NewFileWish } from '../new-files.ts';
import { checkExecutor } from './check.executor.ts';
import { copyExecutor } from './copy.executor.ts';
import { extractImage } from './extract-image.ts';
import { placeFor, planMove } from './plan-move.ts';
import { renameExecutor } from './rename.executor.ts';

export interface ImageWorkService {
  copy(id: string, wish: CopyImage): Promise<Operation>;
  extract(id: string, wish: ExtractImage): Promise<Operation>;
  rename(id: string, wish: RenameImage): Promise<Operation>;
  check(id: string, wish: CheckImage): Promise<Operation>;
  readonly moves: ImageMoves;
}

export interface ImageWorkDeps {
  readonly library: Pick<ImagesFeature, 'images' | 'newFiles' | 'moveFiles' | 'access'>;
  readonly operations: OperationsService;
}

interface VmUse {
  readonly vmId: string;
  readonly vmName: string;
  readonly running: boolean;
}

/** VMs whose disks stand on the image, over however many overlays, and those that have it in a drive. */
export const vmsOn = (forest: Forest, imageId: string): VmUse[] => {
  const above = new Set(withDescendants(forest, imageId).map(({ id }) => id));
  const found = new Map<string, VmUse>();
  for (const { vmId, vmName, running, imageId: disk } of forest.disks)
    if (above.has(disk)) found.set(vmId, { vmId, vmName, running });
  const isRunning = (vmId: string): boolean => forest.disks.some((use) => use.vmId === vmId && use.running);
  for (const { vmId, vmName, imageId: medium } of forest.media)
    if (medium === imageId && !found.has(vmId)) found.set(vmId, { vmId, vmName, running: isRunning(vmId) });
  return [...found.values()];
};

/** Throws unless nobody has the image or anything above it open. `doing`: "It is checked". */
export const demandIdle = async (forest: Forest, image: Image, doing: string): Promise<void> => {
  const running = vmsOn(forest, image.id).filter((vm) => vm.running);
  if (running.length > 0) {
    const names = running.map(({ vmName }) => `“${vmName}”`).join(', ');
    const usedBy = running.map(({ vmId, vmName }) => ({ kind: 'vm' as const, id: vmId, name: vmName }));
    const words = `“${image.name}” is in use by the running VM ${names}. ${doing} when that is shut down.`;
    throw new AppError('image-in-use', words, { usedBy });
  }
  const exported = forest.exports.filter((use) => chainIds(forest, use.imageId).includes(image.id));
  if (exported.length > 0) {
    const names = exported
      .map(({ kind, name }) => (kind === 'inside' ? `a look into “${name}”` : `the export “${name}”`))
      .join(', ');
    const usedBy = exported.map(({ kind = 'export', exportId, name }) => ({ kind, id: exportId, name }));
    const words = `“${image.name}” is open in ${names}. ${doing} when that is stopped.`;
    throw new AppError('image-in-use', words, { usedBy });
  }
  const holder = await lockHolder(image.path);
  if (holder === null) return;
  const words = `${holder.program} (process ${holder.pid}) has “${image.name}” open. ${doing} when that is closed.`;
  throw new AppError('image-locked', words);
};

/** Another folder is no reason to shut a VM down: what it writes can be moved under it. */
const renamedWhen = ({ disks }: Forest, { id }: Image, { name }: RenameImage): string => {
  const written = disks.some((disk) => disk.running && disk.imageId === id);
  return written && name === undefined
    ? 'While it runs, plan and run the chain operation “move” instead; here it can be moved'
    : 'It can be renamed or moved';
};

/** A link in the trash is not rewritten: restored, that image would look for its backing under the old name. */
const demandNoneInTrash = ({ trashed }: Forest, image: Image): void => {
  const above = trashed.filter(({ imageId }) => imageId === image.id);
  if (above.length === 0) return;
  const names = above.map(({ name }) => `“${name}”`).join(', ');
  throw new AppError(
    'image-in-use',
    `${names} in the trash stands on “${image.name}”. Delete it from the trash for good, or restore it, first.`,
  );
};

const demandPresent = (image: Image): void => {
  if (!image.present)
    throw new AppError('image-unreadable', `The file of “${image.name}” (${image.path}) is gone.`);
};

/** What a check looks at and mends; anything else that is wrong with a header leads to other files. */
const checkableFlaws = new Set(['corrupt', 'needs-repair', 'bad-backing-name']);

export const demandCheckable = ({ world }: LibraryAccess, image: Image): void => {
  const flaw = world.record(image.id).facts.flaws.find(({ code }) => !checkableFlaws.has(code));
  if (flaw !== undefined)
    throw new AppError('image-refused', `“${image.name}” is not opened: ${flaw.message}`);
};

/** Registers its executors; create it once, before operations are recovered. */
export const createImageWorkService = ({ library, operations }: ImageWorkDeps): ImageWorkService => {
  const { images, newFiles, moveFiles, access } = library;
  operations.register(copyExecutor(newFiles));
  operations.register(renameExecutor(moveFiles));
  operations.register(checkExecutor(images, access.rememberCheck));

  const found = async (id: string): Promise<Image> => {
    images.facts(id);
    await images.scan();
    const image = images.get(id);
    demandPresent(image);
    return image;
  };
  const subject = ({ id, name }: { id: string; name: string }): OperationSubject => ({
    kind: 'image',
    id,
    name,
  });
  const vmSubjects = (vms: readonly VmUse[]): OperationSubject[] =>
    vms.map(({ vmId, vmName }) => ({ kind: 'vm', id: vmId, name: vmName }));

  const work: Omit<ImageWorkService, 'moves'> = {
    copy: async (id, { name, folder, what, useReserve }) => {
      const lookedAt = operations.look();
      const image = await found(id);
      // A file that stands on nothing is its own content: byte for byte, with its internal snapshots.
      const kind = what === 'file' || image.backingId === null ? 'file' : 'content';
      if (image.backing !== undefined && image.backing.state !== 'ok')
        throw new AppError(
          'image-unreadable',
          `“${image.name}” cannot be copied: its backing file cannot be read.`,
        );
      const chain = kind === 'file' ? [images.facts(id)] : await images.checkedChain(id);
      // A frozen layer may be read while VMs run on it; what is being written shows no moment.
      const { disks } = images.forest();
      const running = vmsOn(images.forest(), id).some((vm) => vm.running);
      const written = disks.some((disk) => disk.running && disk.imageId === id);
      if (written || !running) await demandIdle(images.forest(), image, 'It can be copied');
      const [taint] = image.problems.filter(({ code }) => code === 'tainted');
      if (taint !== undefined)
        throw new AppError('plan-blocked', `${taint.message} ${taint.repair ?? ''}`.trim(), {
          blockers: [{ code: 'tainted', message: taint.message }],
        });
      const wish: NewFileWish = { imageId: id, kind, name, folder, useReserve, tag: newId() };
      await newFiles.place(wish);
      // It must not begin to write what is being copied.
      const active = disks.filter((disk) => disk.imageId === id).map(({ vmId }) => vmId);
      const stored = chain.reduce((bytes, layer) => bytes + layer.allocatedSize, 0);
      const bytes = kind === 'file' ? image.allocatedSize : Math.min(stored, image.virtualSize);
      return operations.start({
        kind: 'image-copy',
        title: `Copy “${image.name}” as “${name}”`,
        request: { wish, bytes },
        journal: { phase: 'new', file: null },
        steps: [
          kind === 'file'
            ? `Copy the file of “${image.name}” and compare every byte`
            : `Copy what “${image.name}” shows through its ${chain.length} layers, and compare`,
          'Take the copy into the library',
        ],
        subjects: [subject(image)],
        locks: { images: [], reads: chain.map((layer) => layer.id), vms: active },
        unit: 'bytes',
        total: bytes,
        cancelNote: 'What was copied so far is removed; the original is not touched.',
        lookedAt,
      });
    },

    extract: async (id, wish) => {
      const lookedAt = operations.look();
      return extractImage({ library, operations }, await found(id), wish, lookedAt);
    },

    rename: async (id, wish) => {
      const lookedAt = operations.look();
      const image = await found(id);
      const { move, overlays } = await planMove(access, image, wish);
      if (move.from !== move.to) {
        demandNoneInTrash(images.forest(), image);
        await demandIdle(images.forest(), image, renamedWhen(images.forest(), image, wish));
        for (const overlay of overlays)
          await demandIdle(images.forest(), images.get(overlay), 'The link in it can be rewritten');
      }
      const vms = vmsOn(images.forest(), id);
      const links =
        overlays.length === 1 ? 'the link of its overlay' : `the links of its ${overlays.length} overlays`;
      return operations.start({
        kind: 'image-rename',
        title: move.from === move.to ? `Rename “${image.name}”` : `Move “${image.name}” to ${move.to}`,
        request: { move, overlays },
        journal: { phase: 'new', key: null },
        steps: [
          move.part === null
            ? 'Look at the file and what stands on it'
            : 'Copy the file to the other disk, and compare every byte',
          overlays.length === 0 ? 'Give it the new name' : `Give it the new name, and rewrite ${links}`,
          move.from === move.to ? 'Write it down' : 'Remove the old name',
        ],
        subjects: [subject(image), ...vmSubjects(vms)],
        locks: { images: [id, ...overlays], vms: vms.map(({ vmId }) => vmId) },
        unit: 'steps',
        total: 3,
        cancelNote: 'Nothing changes: the file keeps its name and its place.',
        lookedAt,
      });
    },

    check: async (id, { repair }) => {
      const lookedAt = operations.look();
      const image = await found(id);
      if (!checkedFormats.includes(image.format))
        throw new AppError(
          'not-possible',
          `“${image.name}” is ${image.format}: such a file has no tables of its own in which anything could be wrong.`,
        );
      if (repair !== undefined && !mendedFormats.includes(image.format))
        throw new AppError(
          'not-possible',
          `QEMU repairs qcow2 images only, and “${image.name}” is ${image.format}.`,
        );
      demandCheckable(access, image);
      await demandIdle(images.forest(), image, 'It can be checked');
      const standing = image.usedBy.filter(({ kind }) => kind === 'overlay' || kind === 'snapshot');
      if (repair === 'all' && standing.length > 0) {
        const names = standing.map(({ kind, name }) => `${kind} “${name}”`).join(', ');
        throw new AppError(
          'image-in-use',
          `Repairing errors may change what “${image.name}” shows, and ${names} would show it too. Copy its file and repair the copy; leaks can be repaired here.`,
          { usedBy: standing },
        );
      }
      const vms = vmsOn(images.forest(), id);
      return operations.start({
        kind: 'image-check',
        title: repair === undefined ? `Check “${image.name}”` : `Check and repair “${image.name}”`,
        request: { imageId: id, repair: repair ?? null },
        journal: { found: null },
        steps: [
          'Read all tables of the file',
          ...(repair === undefined
            ? []
            : [repair === 'leaks' ? 'Give lost clusters back' : 'Repair errors and lost clusters']),
        ],
        subjects: [subject(image), ...vmSubjects(vms)],
        locks: { images: [id], vms: vms.map(({ vmId }) => vmId) },
        unit: 'steps',
        total: repair === undefined ? 1 : 2,
        cancelNote: 'Nothing was changed.',
        lookedAt,
      });
    },
  };
  return {
    ...work,
    moves: {
      placeOf: (id, folder) => placeFor(access, id, folder),
      offline: (id, folder, useReserve) => work.rename(id, { folder, useReserve }),
    },
  };
};
