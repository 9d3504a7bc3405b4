import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { extendLast } from '@strata/partition-table';
import { AppError } from '../../../app-error.ts';
import { commitOverlay } from '../../../qemu/commit-overlay.ts';
import { checkImage, createOverlay, type ImageFile, imagesAreEqual } from '../../../qemu/qemu-img.ts';
import { writeBytes } from '../../../qemu/resize-image.ts';
import { serveChain, sweepServed } from '../../../qemu/tools/guestfs/disk-content.ts';
import { type GrownFileSystem, growFileSystem } from '../../../qemu/tools/guestfs/grow-file-system.ts';
import { sweepGuestDisk } from '../../../qemu/tools/guestfs/guest-disk.ts';
import { syncWithFolder } from '../../../sync-files.ts';
import { demandFreeSpace } from '../free-space.ts';
import type { ImageFacts, ImagesService } from '../images.types.ts';
import { diskTable } from '../resize/disk-table.ts';
import type { ExtendTarget } from './plan-extend.ts';

/** One run of it: `id` names its overlay, its socket and its appliance. */
export interface ExtendWork extends ExtendTarget {
  readonly id: string;
  readonly imageId: string;
  /** The partition as it was planned, in bytes; null: there is none. */
  readonly partitionSize: number | null;
}

/** Each action of it by itself, safe to repeat. Until `merge` the image itself is only read. */
export interface ExtendSteps {
  /** Ends and removes what a server that was killed has left of it; then an empty overlay on the image. */
  begin(work: ExtendWork): Promise<void>;
  growPartition(work: ExtendWork): Promise<void>;
  growFileSystem(work: ExtendWork, signal: AbortSignal): Promise<GrownFileSystem>;
  /** Throws unless the overlay shows what was planned, is on disk, and there is room for what it holds. */
  prove(work: ExtendWork): Promise<void>;
  /** Done again after a crash: the overlay has all of it, before and afterwards. */
  merge(work: ExtendWork, onProgress: (fraction: number) => void): Promise<void>;
  discard(work: ExtendWork): Promise<void>;
}

interface ExtendStepsDeps {
  readonly dataDir: string;
  readonly runDir: string;
  readonly images: Pick<ImagesService, 'checkedChain'>;
}

export const extendFolder = (dataDir: string): string => join(dataDir, 'extending');

export const createExtendSteps = ({ dataDir, runDir, images }: ExtendStepsDeps): ExtendSteps => {
  const folder = extendFolder(dataDir);
  const overlayOf = ({ id }: ExtendWork): ImageFile => ({
    path: join(folder, `${id}.qcow2`),
    format: 'qcow2',
  });
  const applianceOf = ({ id }: ExtendWork): string => join(folder, id);
  const chainOf = async ({ imageId }: ExtendWork): Promise<readonly [ImageFacts, ...ImageFacts[]]> => {
    const [image, ...below] = await images.checkedChain(imageId);
    if (image === undefined) throw new AppError('not-found', `There is no image ${imageId}.`);
    return [image, ...below];
  };
  const tableOf = (image: ImageFile) => diskTable(image, { runDir, signal: new AbortController().signal });

  const clear = async (work: ExtendWork): Promise<void> => {
    await sweepGuestDisk(applianceOf(work));
    await sweepServed(runDir, work.id);
    await rm(overlayOf(work).path, { force: true });
  };

  return {
    begin: async (work) => {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await clear(work);
      const [image] = await chainOf(work);
      await createOverlay({ ...overlayOf(work), backing: image.path, backingFormat: image.format });
    },
    growPartition: async (work) => {
      const [image] = await chainOf(work);
      const extended = extendLast(await tableOf(image), image.virtualSize);
      if (
        typeof extended === 'string' ||
        extended.before.number !== work.partition ||
        extended.after.size !== work.partitionSize
      )
        throw new AppError('plan-stale', 'The partitions are not those of the plan any more.');
      await writeBytes(overlayOf(work), extended.writes);
    },
    growFileSystem: async (work, signal) => {
      const { fileSystem: kind, partition } = work;
      if (kind === null) throw new Error('its file system stays as it is');
      const chain = [overlayOf(work), ...(await chainOf(work))];
      const content = await serveChain(runDir, work.id, chain, true);
      try {
        const { socket, exportName } = content;
        const places = {
          ...{ folder: applianceOf(work), cache: join(dataDir, 'appliance') },
          ...{ socket, exportName, writable: true },
        };
        return await growFileSystem({ places, kind, partition }, signal);
      } finally {
        await content.stop();
      }
    },
    prove: async (work) => {
      const overlay = overlayOf(work);
      const [image] = await chainOf(work);
      if ((await checkImage(overlay)).errors > 0)
        throw new AppError(
          'image-unreadable',
          'The temporary overlay has errors. The image was not touched.',
        );
      const [before, after] = [await tableOf(image), await tableOf(overlay)];
      const expected = before.partitions.map((partition) =>
        partition.number === work.partition && work.partitionSize !== null
          ? {
              ...partition,
              size: work.partitionSize,
              sectors: work.partitionSize / before.sectorSize,
            }
          : partition,
      );
      if (JSON.stringify(after.partitions) !== JSON.stringify(expected) || after.problems.length > 0)
        throw new AppError(
          'not-possible',
          'The partition table does not read as planned. The image was not touched.',
        );
      await syncWithFolder(overlay.path);
      await demandFreeSpace(dirname(image.path), (await stat(overlay.path)).blocks * 512);
    },
    merge: async (work, onProgress) => {
      const overlay = overlayOf(work);
      const [image] = await chainOf(work);
      await commitOverlay(overlay.path, image.path, { onProgress });
      if (!(await imagesAreEqual(image, overlay)))
        throw new AppError('image-unreadable', `“${image.name}” does not read like the overlay yet.`);
    },
    discard: clear,
  };
};

/** At start, when unfinished operations have been taken up: what is left of those that are none any more. */
export const sweepExtending = async (dataDir: string, unfinished: ReadonlySet<string>): Promise<void> => {
  const folder = extendFolder(dataDir);
  for (const name of await readdir(folder).catch((): string[] => [])) {
    const id = name.replace(/\.qcow2$/, '');
    if (!unfinished.has(id)) await rm(join(folder, name), { recursive: true, force: true });
  }
};
