import { access, constants, stat } from 'node:fs/promises';
import type { DiskInput, ImageUse, PatchVm, Vm } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { diskStem } from '../../disk-stem.ts';
import { newId } from '../../new-id.ts';
import type { ImageFacts } from '../images/images.types.ts';
import type { StoredDisk } from './vm-record.types.ts';
import type { VmsContext } from './vms.context.ts';

/** Formats QEMU may write for a VM; the others are read only, below a qcow2 overlay. */
const writtenFormats = new Set(['qcow2', 'raw']);

const useWords: Record<ImageUse['kind'], string> = {
  vm: 'the VM',
  snapshot: 'the snapshot',
  overlay: 'the overlay',
  export: 'the export',
  inside: 'the look inside',
  operation: 'the operation',
};

/** Who stands on an image, and what a person can do instead. An overlay on what another VM writes would break too. */
const standWords = (stands: readonly ImageUse[]): string => {
  const names = stands.map(({ kind, name }) => `${useWords[kind]} "${name}"`).join(', ');
  const who = `${names} ${stands.length === 1 ? 'needs' : 'need'} it as it is.`;
  if (stands.some(({ kind }) => kind === 'operation')) return `${who} Wait for the operation to end.`;
  const writer = stands.find(({ kind }) => kind === 'vm');
  return writer === undefined
    ? `${who} Create an overlay on it for this VM, or choose another image.`
    : `${who} Take a snapshot of the VM "${writer.name}" and create an overlay on the layer it freezes, or choose another image.`;
};

/** Throws unless this image may become the active layer of a disk of this VM. */
export const checkActiveLayer = (context: VmsContext, imageId: string, vmId: string | null): void => {
  const image = context.images.get(imageId);
  if (!image.present)
    throw new AppError('image-unreadable', `The file of "${image.name}" (${image.path}) is gone.`);
  if (image.format === 'iso')
    throw new AppError(
      'not-possible',
      `"${image.name}" is a medium. Put it into a CD-ROM drive (media) instead.`,
    );
  if (!writtenFormats.has(image.format))
    throw new AppError(
      'not-possible',
      `A VM does not write ${image.format} images. Create an overlay on "${image.name}" for it: the original stays as it is.`,
    );
  const stands = image.usedBy.filter(
    (use) => use.tag === undefined && (use.kind !== 'vm' || use.id !== vmId),
  );
  if (stands.length > 0)
    throw new AppError('image-in-use', `"${image.name}" cannot be written by a VM: ${standWords(stands)}`, {
      usedBy: stands,
    });
  checkChain(context, imageId);
};

/** Every layer there, of a known format, and the format of each backing file written down: nothing is probed. */
export const checkChain = (context: VmsContext, imageId: string): ImageFacts[] => {
  const chain = context.images.chainFacts(imageId);
  for (const layer of chain) {
    if (!layer.present)
      throw new AppError(
        'image-unreadable',
        `The layer "${layer.name}" (${layer.path}) is gone. Put the file back; the VM cannot start without it.`,
      );
    if (layer.backingId !== null && context.images.get(layer.id).backing?.format == null)
      throw new AppError(
        'image-refused',
        `The header of "${layer.name}" does not say which format its backing file has, and guessing is unsafe. Write it down with: qemu-img rebase -u -b BACKING -F FORMAT ${layer.path}`,
      );
  }
  return chain;
};

const checkMedium = (context: VmsContext, imageId: string): void => {
  const image = context.images.get(imageId);
  if (!image.present)
    throw new AppError('image-unreadable', `The file of "${image.name}" (${image.path}) is gone.`);
  if (image.format !== 'iso' && image.format !== 'raw')
    throw new AppError(
      'not-possible',
      `"${image.name}" is a ${image.format} image; a drive takes ISO and raw images.`,
    );
};
export const checkMedia = (context: VmsContext, media: Vm['media']): void => {
  for (const { imageId } of media) if (imageId !== null) checkMedium(context, imageId);
};

const settingsOf = ({ bus, cache, discard }: DiskInput): Pick<StoredDisk, 'bus' | 'cache' | 'discard'> => ({
  bus,
  cache,
  discard,
});

const refuseDouble = (imageIds: readonly string[]): void => {
  const double = imageIds.find((id, index) => imageIds.indexOf(id) !== index);
  if (double === undefined) return;
  const message = 'two disks of one VM cannot be the same image';
  throw new AppError('invalid-request', `disks: ${message}`, { errors: [{ path: 'disks', message }] });
};

export const checkDisks = (context: VmsContext, wishes: readonly DiskInput[], vmId: string | null): void => {
  refuseDouble(wishes.flatMap((wish) => ('imageId' in wish ? [wish.imageId] : [])));
  for (const wish of wishes) {
    if ('imageId' in wish) checkActiveLayer(context, wish.imageId, vmId);
    else if ('overlayOf' in wish) checkBase(context, wish.overlayOf);
  }
};

/** An overlay freezes what it stands on: nobody may write that any more. */
const checkBase = (context: VmsContext, imageId: string): void => {
  const image = context.images.get(imageId);
  if (image.format === 'iso') throw new AppError('not-possible', `"${image.name}" is a medium, not a disk.`);
  const writers = image.usedBy.filter((use) => use.kind === 'vm');
  if (writers.length > 0)
    throw new AppError(
      'image-in-use',
      `"${image.name}" is written by ${writers.map((use) => `the VM "${use.name}"`).join(', ')}; an overlay on it would break with the next write. Take a snapshot of that VM and use its layer.`,
      { usedBy: writers },
    );
  checkChain(context, imageId);
};

/** Makes the images that are still to be made. What was made before something failed goes to the trash again. */
export const makeDisks = async (
  context: VmsContext,
  vmName: string,
  wishes: readonly DiskInput[],
  firstPosition = 0,
): Promise<{ disks: StoredDisk[]; undo(): Promise<void> }> => {
  const made: string[] = [];
  const undo = async (): Promise<void> => {
    for (const id of made) await context.images.delete(id).catch(() => {});
  };
  const imageOf = async (wish: DiskInput, position: number): Promise<string> => {
    if ('imageId' in wish) return wish.imageId;
    const name = diskStem(vmName, firstPosition + position);
    const image =
      'overlayOf' in wish
        ? await context.images.createOverlay({ backingId: wish.overlayOf, stem: name, place: 'default' })
        : await context.images.create(
            {
              name: wish.create.name ?? name,
              format: wish.create.format,
              size: wish.create.size,
              preallocation: 'off',
            },
            wish.create.name === undefined ? 'unique' : 'given',
          );
    made.push(image.id);
    return image.id;
  };
  try {
    const disks: StoredDisk[] = [];
    for (const [position, wish] of wishes.entries())
      disks.push({ id: newId(), imageId: await imageOf(wish, position), ...settingsOf(wish) });
    return { disks, undo };
  } catch (error) {
    await undo();
    throw error;
  }
};

/** A PATCH of disks: those with an id stay, in the new order; the others are made as at creation. */
export const changeDisks = async (
  context: VmsContext,
  vm: { id: string; name: string; disks: readonly StoredDisk[] },
  wishes: NonNullable<PatchVm['disks']>,
): Promise<{ disks: StoredDisk[]; undo(): Promise<void> }> => {
  const fresh: DiskInput[] = [];
  const places = wishes.map((wish) => {
    if (!('id' in wish)) return fresh.push(wish) - 1;
    const kept = vm.disks.find((disk) => disk.id === wish.id);
    if (kept === undefined) throw new AppError('not-found', `The VM has no disk ${wish.id}.`);
    const imageId = wish.imageId ?? kept.imageId;
    if (imageId !== kept.imageId) checkActiveLayer(context, imageId, vm.id);
    return { id: kept.id, imageId, bus: wish.bus, cache: wish.cache, discard: wish.discard };
  });
  const kept = places.flatMap((place) => (typeof place === 'number' ? [] : [place]));
  if (new Set(kept.map((disk) => disk.id)).size !== kept.length)
    throw new AppError('invalid-request', 'disks: a disk is named twice');
  refuseDouble([
    ...kept.map((disk) => disk.imageId),
    ...fresh.flatMap((wish) => ('imageId' in wish ? [wish.imageId] : [])),
  ]);
  checkDisks(context, fresh, vm.id);
  const made = await makeDisks(context, vm.name, fresh, kept.length);
  const disks = places.flatMap((place) => {
    const disk = typeof place === 'number' ? made.disks[place] : place;
    return disk === undefined ? [] : [disk];
  });
  return { disks, undo: made.undo };
};

/** Kernel and initrd must be plain files that can be read: a FIFO or a device would hang QEMU. */
export const checkKernel = async (kernel: Vm['kernel']): Promise<void> => {
  if (kernel === null) return;
  for (const path of [kernel.path, ...(kernel.initrd === undefined ? [] : [kernel.initrd])]) {
    const words = await unreadable(path);
    if (words !== null)
      throw new AppError('not-possible', `The kernel file ${path} ${words}. Check the path.`);
  }
};

const unreadable = async (path: string): Promise<string | null> => {
  try {
    if (!(await stat(path)).isFile()) return 'is not a plain file';
    await access(path, constants.R_OK);
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'does not exist' : 'cannot be read';
  }
};
