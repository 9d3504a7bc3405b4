import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../../app-error.ts';
import { createTag, deleteTag, readTags } from '../../../qemu/image-tags.ts';
import { dropTag, goOn, type LiveTag, type OpenDisk, untilAnswers } from '../../../qemu/live-tags.ts';
import { lockHolder, openWords } from '../../../qemu/lock-holder.ts';
import type { ImagesService } from '../../images/images.types.ts';
import type { LiveVm, VmsService } from '../../vms/vms.types.ts';

/** A disk and the layer that holds the tag. */
export interface TaggedDisk {
  readonly diskId: string;
  readonly imageId: string;
}

type Paths = Pick<ImagesService, 'facts'>;

export const openDisks = (images: Paths, disks: readonly TaggedDisk[]): OpenDisk[] =>
  disks.map(({ diskId, imageId }) => ({ diskId, path: images.facts(imageId).path }));

/** How many of these layers have the tag, by their headers. */
export const spreadOf = async (
  images: Paths,
  disks: readonly TaggedDisk[],
  tag: string,
): Promise<'all' | 'some' | 'none'> => {
  const found = await Promise.all(
    openDisks(images, disks).map(async ({ path }) =>
      (await readTags(path)).some((known) => known.tag === tag),
    ),
  );
  if (found.every(Boolean)) return 'all';
  return found.some(Boolean) ? 'some' : 'none';
};

const askings = 40;
const askEveryMs = 500;

/** A VM whose QEMU answers; null: it has ended. Throws when after a while it is neither. */
export const reachVm = async (vms: VmsService, vmId: string): Promise<LiveVm | null> => {
  for (let asking = 1; ; asking += 1) {
    try {
      const vm = vms.live(vmId);
      if (vm !== null) await untilAnswers(vm);
      return vm;
    } catch (error) {
      if (asking === askings) throw error;
      await delay(askEveryMs);
    }
  }
};

/** A tool of the server before, which was killed, may still be at work on these files: it goes on by itself to its end. */
export const untilLetGo = async (images: Paths, disks: readonly TaggedDisk[]): Promise<void> => {
  for (const { imageId } of disks) {
    const { name, path } = images.facts(imageId);
    for (let asking = 1; ; asking += 1) {
      const holder = await lockHolder(path);
      if (holder === null) break;
      if (asking === askings) throw new AppError('image-locked', openWords(holder, { name, path }));
      await delay(askEveryMs);
    }
  }
};

/** On each disk of a VM that is off, or on none. */
export const createTags = async (images: Paths, disks: readonly TaggedDisk[], tag: string): Promise<void> => {
  try {
    for (const { path } of openDisks(images, disks)) await createTag(path, tag);
  } catch (error) {
    await removeTags(images, disks, tag).catch(() => {});
    throw error;
  }
};

const removeTags = async (images: Paths, disks: readonly TaggedDisk[], tag: string): Promise<void> => {
  for (const { path } of openDisks(images, disks)) await deleteTag(path, tag);
};

/** Wherever it is; `vm`: whose QEMU has these layers open as its active ones, if any. */
export const dropTags = async (
  images: Paths,
  vm: LiveVm | null,
  { jobId, tag, disks }: Pick<LiveTag, 'jobId' | 'tag'> & { readonly disks: readonly TaggedDisk[] },
): Promise<void> => {
  if (vm === null) await removeTags(images, disks, tag);
  else await dropTag(vm, { jobId, tag, disks: openDisks(images, disks) });
};

/** After something went wrong: a guest that ran is not left standing. */
export const letRun = async (vm: LiveVm | null, ran: boolean): Promise<void> => {
  if (vm !== null && ran) await goOn(vm).catch(() => {});
};
