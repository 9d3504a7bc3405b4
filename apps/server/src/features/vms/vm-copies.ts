import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { AppError } from '../../app-error.ts';
import { newId } from '../../new-id.ts';
import { checkName, macsOfOthers } from './vm-changes.ts';
import { freshMac } from './vm-definition.ts';
import { checkSocketPaths, vmPaths } from './vm-paths.ts';
import { type Forward, forwardsOf, meets } from './vm-ports.ts';
import type { StoredDefinition, StoredDisk, VmHardware } from './vm-record.types.ts';
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
}

/** The original as it was at a former moment. */
export interface CopyMoment {
  readonly hardware: VmHardware;
  readonly vars: string | null;
}

export interface VmCopies {
  /** Throws `name-taken`. Like the original of that moment, or of now. `disks`: what they begin with, by the original's disk; one it no longer has gets usual settings. */
  draft(
    sourceId: string,
    name: string,
    disks: readonly { readonly diskId: string; readonly imageId: string }[],
    moment?: CopyMoment | null,
  ): VmCopy;
  /** The original's firmware variables, so that the copy boots as it does. Again and again the same. */
  copyState(copy: VmCopy): Promise<void>;
  /** Bookkeeping only, synchronous: to be called inside the transaction that records the result. */
  insert(copy: VmCopy, imageIds: readonly string[]): void;
  /** What `copyState` made, when nothing came of it. */
  discard(copy: VmCopy): Promise<void>;
}

const usual = { bus: 'virtio', cache: 'writeback', discard: true } as const;

const isThere = (context: VmsContext, imageId: string | null): boolean => {
  try {
    return imageId === null || context.images.facts(imageId).present;
  } catch {
    return false;
  }
};

/** A port of the host leads to one VM: those that others have are left out, and said. */
const withoutSharedPorts = (
  context: VmsContext,
  definition: StoredDefinition,
): { readonly definition: StoredDefinition; readonly leftOut: readonly string[] } => {
  const taken = context.repository.all().flatMap(forwardsOf);
  const isShared = (forward: Forward): boolean => taken.some((other) => meets(forward, other));
  const leftOut = forwardsOf({ definition })
    .filter(isShared)
    .map(({ protocol, hostPort }) => `${hostPort} (${protocol})`);
  const nics = definition.nics.map((nic) => ({
    ...nic,
    forwards: nic.forwards.filter((forward) => !isShared(forward)),
  }));
  return { definition: { ...definition, nics }, leftOut };
};

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
    medium.kind === 'floppy' || !isThere(context, medium.imageId) ? { ...medium, imageId: null } : medium,
  );
  return { ...definition, nics, media, autostart: false };
};

export const createVmCopies = (context: VmsContext, created: (id: string) => void): VmCopies => ({
  draft: (sourceId, name, disks, moment = null) => {
    const source = recordOf(context, sourceId);
    checkName(context, name, null);
    const id = newId();
    const { definition: like, disks: settings } = moment?.hardware ?? source;
    const { definition, leftOut } = withoutSharedPorts(context, copyOf(context, id, like));
    checkSocketPaths(vmPaths(context.config, id, definition.serial));
    return {
      ...{ sourceId, id, name, definition, leftOut, uuid: randomUUID() },
      ...(moment === null ? {} : { vars: moment.vars }),
      disks: disks.map(({ diskId, imageId }) => {
        const { bus, cache, discard } = settings.find((disk) => disk.id === diskId) ?? usual;
        return { id: newId(), imageId, bus, cache, discard };
      }),
    };
  },
  copyState: async (copy) => {
    const source = context.repository.find(copy.sourceId);
    const from = copy.vars === undefined && source !== null ? pathsOf(context, source).uefiVars : copy.vars;
    if (from === null || from === undefined) return;
    const to = vmPaths(context.config, copy.id, copy.definition.serial);
    try {
      await mkdir(to.folder, { recursive: true, mode: 0o700 });
      await copyFile(from, to.uefiVars);
    } catch (error) {
      // Those of now are made at the first start of the original; those of a snapshot were there when it began.
      if (copy.vars !== undefined || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
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
