import { readdir, rm, stat } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { type LayerId, planDeleteVm } from '@strata/backing-chain';
import type { VmDeletionPlan } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import type { VmRecord } from './vm-record.types.ts';
import { askGuards, exclusively, pathsOf, recordOf, type VmsContext } from './vms.context.ts';

type Disks = 'keep' | 'delete';
type FileKind = VmDeletionPlan['files'][number]['kind'];

const kindOf = (folder: string, path: string): FileKind => {
  const [first = ''] = relative(folder, path).split(sep);
  if (first === 'memory') return 'memory';
  return ({ '.png': 'picture', '.fd': 'firmware' } as const)[extname(path)] ?? 'log';
};

/** What lies in the VM's own folder: saved memory, pictures, UEFI variables, logs. */
const filesOf = async (folder: string): Promise<VmDeletionPlan['files']> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files: VmDeletionPlan['files'] = [];
  for (const entry of entries.filter((each) => each.isFile())) {
    const path = join(entry.parentPath, entry.name);
    // A memory that a snapshot of another VM has as well stays where it is.
    const bytes = await stat(path).then(
      ({ blocks, nlink }) => (nlink > 1 ? 0 : blocks * 512),
      () => 0,
    );
    files.push({ kind: kindOf(folder, path), path, bytes });
  }
  return files.sort((one, other) => other.bytes - one.bytes || (one.path < other.path ? -1 : 1));
};

/** Throws what stands in the way of deleting it now. */
const demandDeletable = (context: VmsContext, record: VmRecord): void => {
  if (context.runs.has(record.id))
    throw new AppError('vm-running', `The VM "${record.name}" is running. Power it off before deleting it.`);
  askGuards(context, record, 'delete');
};

const blockersOf = (context: VmsContext, record: VmRecord): VmDeletionPlan['blockers'] => {
  try {
    demandDeletable(context, record);
    return [];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return [{ code: error.code, message: error.message }];
  }
};

/** What `deleteVm` would do. Touches nothing. */
export const planVmDeletion = async (
  context: VmsContext,
  id: string,
  disks: Disks,
): Promise<VmDeletionPlan> => {
  const record = recordOf(context, id);
  await context.images.scan();
  const { goes, stays, snapshots } = planDeleteVm(context.images.forest(), id);
  const layer = (imageId: LayerId) => {
    const { name, path, allocatedSize } = context.images.facts(imageId);
    return { imageId, name, path, bytes: allocatedSize };
  };
  const kept = disks === 'keep' ? goes.map((each) => ({ ...layer(each), because: [] })) : [];
  return {
    goes: disks === 'keep' ? [] : goes.map(layer),
    stays: [...kept, ...stays.map(({ layer: each, because }) => ({ ...layer(each), because: [...because] }))],
    snapshots: snapshots.map((snapshot) => ({ ...snapshot })),
    files: await filesOf(pathsOf(context, record).folder),
    blockers: blockersOf(context, record),
  };
};

/** To the trash, top first; something may have come to stand on a layer since. */
const deleteLayers = async (context: VmsContext, imageIds: readonly string[], vm: string): Promise<void> => {
  for (const id of imageIds)
    try {
      await context.images.delete(id, vm);
    } catch (error) {
      if (!(error instanceof AppError && ['image-in-use', 'not-found'].includes(error.code))) throw error;
    }
};

export const deleteVm = async (context: VmsContext, id: string, disks: Disks): Promise<void> => {
  const record = recordOf(context, id);
  demandDeletable(context, record);
  await exclusively(context, record, 'changing', async () => {
    const paths = pathsOf(context, record);
    const { goes } = planDeleteVm(context.images.forest(), id);
    context.repository.remove(id);
    if (disks === 'delete') await deleteLayers(context, goes, record.name);
    await rm(paths.folder, { recursive: true, force: true });
    await rm(paths.socketFolder, { recursive: true, force: true });
  });
  context.events.publish({ type: 'vm', id, change: 'deleted' });
};
