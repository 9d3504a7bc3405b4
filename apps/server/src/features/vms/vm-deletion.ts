import { rm } from 'node:fs/promises';
import { AppError } from '../../app-error.ts';
import type { VmRecord } from './vm-record.types.ts';
import { askGuards, exclusively, pathsOf, recordOf, type VmsContext } from './vms.context.ts';

/** Active layers and the layers of its own snapshots, top first; what it was based on is not its own. */
const ownLayers = (context: VmsContext, record: VmRecord): string[] => {
  const own = new Set([
    ...record.disks.map((disk) => disk.imageId),
    ...context.repository.snapshotImages(record.id),
  ]);
  const depth = (imageId: string): number => {
    try {
      return context.images.chainFacts(imageId).length;
    } catch {
      return 0;
    }
  };
  return [...own].sort((a, b) => depth(b) - depth(a));
};

/** To the trash, except what something else stands on. */
const deleteLayers = async (context: VmsContext, imageIds: readonly string[]): Promise<void> => {
  for (const id of imageIds)
    try {
      if (context.images.get(id).usedBy.length === 0) await context.images.delete(id);
    } catch (error) {
      if (!(error instanceof AppError && ['image-in-use', 'not-found'].includes(error.code))) throw error;
    }
};

export const deleteVm = async (context: VmsContext, id: string, disks: 'keep' | 'delete'): Promise<void> => {
  const record = recordOf(context, id);
  if (context.runs.has(id))
    throw new AppError('vm-running', `The VM "${record.name}" is running. Power it off before deleting it.`);
  askGuards(context, record, 'delete');
  await exclusively(context, record, 'changing', async () => {
    const paths = pathsOf(context, record);
    const layers = disks === 'delete' ? ownLayers(context, record) : [];
    context.repository.remove(id);
    await deleteLayers(context, layers);
    await rm(paths.folder, { recursive: true, force: true });
    await rm(paths.socketFolder, { recursive: true, force: true });
  });
  context.events.publish({ type: 'vm', id, change: 'deleted' });
};
