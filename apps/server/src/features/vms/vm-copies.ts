import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { AppError } from '../../app-error.ts';
import { newId } from '../../new-id.ts';
import { checkName, macsOfOthers } from './vm-changes.ts';
import { freshMac } from './vm-definition.ts';
import { checkSocketPaths, vmPaths } from './vm-paths.ts';
import type { StoredDefinition, StoredDisk } from './vm-record.types.ts';
import { pathsOf, recordOf, type VmsContext } from './vms.context.ts';

/** A VM that is to be defined like another one, once its disks exist. Plain data: an operation writes it down. */
export interface VmCopy {
  readonly sourceId: string;
  readonly id: string;
  readonly uuid: string;
  readonly name: string;
  readonly definition: StoredDefinition;
  /** `imageId` is what the disk of the original shows; another takes its place. */
  readonly disks: readonly StoredDisk[];
}

export interface VmCopies {
  /** Throws `name-taken`. `disks`: what they begin with, by the original's disk; one it no longer has gets usual settings. */
  draft(
    sourceId: string,
    name: string,
    disks: readonly { readonly diskId: string; readonly imageId: string }[],
  ): VmCopy;
  /** The original's firmware variables, so that the copy boots as it does. Again and again the same. */
  copyState(copy: VmCopy): Promise<void>;
  /** Bookkeeping only, synchronous: to be called inside the transaction that records the result. */
  insert(copy: VmCopy, imageIds: readonly string[]): void;
  /** What `copyState` made, when nothing came of it. */
  discard(copy: VmCopy): Promise<void>;
}

const usual = { bus: 'virtio', cache: 'writeback', discard: true } as const;

/** Its own identity on the network; it does not start by itself, since the original does. */
const copyOf = (context: VmsContext, id: string, definition: StoredDefinition): StoredDefinition => {
  const taken = macsOfOthers(context, null);
  const nics = definition.nics.map((nic, position) => {
    const mac = freshMac(`${id}/${position}`, taken);
    taken.add(mac);
    return { ...nic, mac };
  });
  // A floppy is written by its VM: two cannot share it.
  const media = definition.media.map((medium) =>
    medium.kind === 'floppy' ? { ...medium, imageId: null } : medium,
  );
  return { ...definition, nics, media, autostart: false };
};

export const createVmCopies = (context: VmsContext, created: (id: string) => void): VmCopies => ({
  draft: (sourceId, name, disks) => {
    const source = recordOf(context, sourceId);
    checkName(context, name, null);
    const id = newId();
    const definition = copyOf(context, id, source.definition);
    checkSocketPaths(vmPaths(context.config, id, definition.serial));
    return {
      ...{ sourceId, id, name, definition, uuid: randomUUID() },
      disks: disks.map(({ diskId, imageId }) => {
        const { bus, cache, discard } = source.disks.find((disk) => disk.id === diskId) ?? usual;
        return { id: newId(), imageId, bus, cache, discard };
      }),
    };
  },
  copyState: async (copy) => {
    const source = context.repository.find(copy.sourceId);
    if (source === null) return;
    const [from, to] = [pathsOf(context, source), vmPaths(context.config, copy.id, copy.definition.serial)];
    try {
      await mkdir(to.folder, { recursive: true, mode: 0o700 });
      await copyFile(from.uefiVars, to.uefiVars);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  },
  insert: (copy, imageIds) => {
    checkName(context, copy.name, null);
    const disks = copy.disks.map((disk, position) => {
      const imageId = imageIds[position];
      if (imageId === undefined) throw new AppError('internal-error', 'a disk of the copy has no image');
      return { ...disk, imageId };
    });
    const { id, uuid, name, definition } = copy;
    context.repository.insert({ id, uuid, name, definition, disks, createdAt: new Date().toISOString() });
    const source = context.repository.find(copy.sourceId);
    context.repository.addEvent(id, 'created', source === null ? name : `from “${source.name}”`);
    queueMicrotask(() => created(id));
  },
  discard: (copy) =>
    context.repository.find(copy.id) !== null
      ? Promise.resolve()
      : rm(vmPaths(context.config, copy.id, 0).folder, { recursive: true, force: true }),
});
