import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../app-error.ts';
import { newId } from '../../new-id.ts';
import type { WorkWatch } from '../../qemu/image-work.ts';
import { syncFolder, syncWithFolder } from '../../sync-files.ts';
import { copiedDefinition } from './copied-definition.ts';
import { shareMemory } from './memory-files.ts';
import { checkName } from './vm-changes.ts';
import { checkSocketPaths, type VmPaths, vmPaths } from './vm-paths.ts';
import type { StoredDefinition, StoredDisk, Suspended, VmHardware } from './vm-record.types.ts';
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
  /** The UEFI variables of a former moment; null: it had none yet. Left out: those the original has now. */
  readonly vars?: string | null;
  /** Port forwards of the original that another VM has: only one of them could run. In words. */
  readonly leftOut?: readonly string[];
  /** The new VM is suspended: its guest goes on from what this file holds. Left out: it is off. */
  readonly memory?: Pick<Suspended, 'file' | 'bytes' | 'hardware'> & {
    readonly from: string;
    /** The screen of then. */
    readonly picture?: string;
  };
}

/** The original as it was at a former moment. */
export interface CopyMoment {
  readonly hardware: VmHardware;
  readonly vars: string | null;
  /** The guest of then, in a file that stays as it is, and its screen. Left out: it is not wanted. */
  readonly memory?: { readonly path: string; readonly bytes: number; readonly picture?: string };
}

export interface VmCopies {
  /** Throws `name-taken`. Like the original of that moment, or of now. `disks`: what they begin with, by the original's disk; one it no longer has gets usual settings. */
  draft(
    sourceId: string,
    name: string,
    disks: readonly { readonly diskId: string; readonly imageId: string }[],
    moment?: CopyMoment | null,
  ): VmCopy;
  /** The original's firmware variables, so that the copy boots as it does, and the memory it goes on from. Again and again the same. */
  copyState(copy: VmCopy, watch: WorkWatch): Promise<void>;
  /** Bookkeeping only, synchronous: to be called inside the transaction that records the result. */
  insert(copy: VmCopy, imageIds: readonly string[]): void;
  /** What `copyState` made, when nothing came of it. */
  discard(copy: VmCopy): Promise<void>;
}

const usual = { bus: 'virtio', cache: 'writeback', discard: true } as const;

/** A guest finds its disks by their places: these are the same, under the ids that they have in the copy. */
const memoryOf = (
  { hardware, memory }: CopyMoment,
  disks: readonly { readonly diskId: string; readonly copy: StoredDisk }[],
): Pick<VmCopy, 'memory'> => {
  if (memory === undefined) return {};
  const isSame = hardware.disks.every(({ id }, position) => disks[position]?.diskId === id);
  if (!isSame || disks.length !== hardware.disks.length)
    throw new AppError(
      'not-possible',
      'The memory belongs to all disks that the VM had then, and the snapshot does not show each of them. Branch without memory.',
    );
  const { path: from, ...then } = memory;
  const renamed = { ...hardware, disks: disks.map(({ copy }) => copy) };
  return { memory: { from, ...then, file: `${newId()}.mem`, hardware: renamed } };
};

const copyVars = async (context: VmsContext, copy: VmCopy, to: VmPaths): Promise<void> => {
  const source = context.repository.find(copy.sourceId);
  const from = copy.vars === undefined && source !== null ? pathsOf(context, source).uefiVars : copy.vars;
  if (from === null || from === undefined) return;
  try {
    await copyFile(from, to.uefiVars);
    await syncWithFolder(to.uefiVars);
  } catch (error) {
    // Those of now are made at the first start of the original; those of a snapshot were there when it began.
    if (copy.vars !== undefined || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
};

export const createVmCopies = (context: VmsContext, created: (id: string) => void): VmCopies => ({
  draft: (sourceId, name, disks, moment = null) => {
    const source = recordOf(context, sourceId);
    checkName(context, name, null);
    const id = newId();
    const { definition: like, disks: settings } = moment?.hardware ?? source;
    const { definition, leftOut } = copiedDefinition(context, id, like);
    checkSocketPaths(vmPaths(context.config, id, definition.serial));
    const copies = disks.map(({ diskId, imageId }) => {
      const { bus, cache, discard } = settings.find((disk) => disk.id === diskId) ?? usual;
      return { diskId, copy: { id: newId(), imageId, bus, cache, discard } };
    });
    return {
      ...{ sourceId, id, name, definition, leftOut, uuid: randomUUID() },
      ...(moment === null ? {} : { vars: moment.vars, ...memoryOf(moment, copies) }),
      disks: copies.map(({ copy }) => copy),
    };
  },
  copyState: async (copy, watch) => {
    const to = vmPaths(context.config, copy.id, copy.definition.serial);
    await mkdir(to.folder, { recursive: true, mode: 0o700 });
    await copyVars(context, copy, to);
    if (copy.memory === undefined) return;
    await mkdir(to.memoryFolder, { recursive: true, mode: 0o700 });
    await shareMemory(copy.memory.from, join(to.memoryFolder, copy.memory.file), watch);
    // What a suspended VM shows. A branch never fails for its picture.
    if (copy.memory.picture !== undefined) await copyFile(copy.memory.picture, to.screen).catch(() => {});
    for (const folder of [to.folder, join(to.folder, '..')]) await syncFolder(folder);
  },
  insert: (copy, imageIds) => {
    checkName(context, copy.name, null);
    const disks = copy.disks.map((disk, position) => {
      const imageId = imageIds[position];
      if (imageId === undefined) throw new AppError('internal-error', 'a disk of the copy has no image');
      return { ...disk, imageId };
    });
    const { id, uuid, name, definition, memory } = copy;
    const createdAt = new Date().toISOString();
    context.repository.insert({ id, uuid, name, definition, disks, createdAt });
    if (memory !== undefined) {
      const { file, bytes, hardware } = memory;
      context.repository.setSuspended(id, { file, bytes, hardware, at: createdAt });
    }
    const source = context.repository.find(copy.sourceId);
    context.repository.addEvent(id, 'created', source === null ? name : `from “${source.name}”`);
    queueMicrotask(() => created(id));
  },
  discard: (copy) =>
    context.repository.find(copy.id) !== null
      ? Promise.resolve()
      : rm(vmPaths(context.config, copy.id, 0).folder, { recursive: true, force: true }),
});
