import type { ImagesService } from '../../images/images.types.ts';
import type { DeleteSnapshotsDeps } from '../../operations/executors/delete-snapshots.ts';
import type { VmsService } from '../../vms/vms.types.ts';
import { dropTags, reachVm, spreadOf, untilLetGo } from './tagged-layers.ts';

interface Deps {
  readonly images: ImagesService;
  readonly vms: VmsService;
}
type DropInside = DeleteSnapshotsDeps['dropInside'];
type Wish = Parameters<DropInside>[1];

/** Layers that the VM writes at this moment, in its QEMU; the others are open nowhere. */
const dropEverywhere = async ({ images, vms }: Deps, resumed: boolean, wish: Wish): Promise<void> => {
  const { vmId, jobId } = wish;
  const { tag, disks } = wish.doomed;
  const vm = await reachVm(vms, vmId);
  const written = new Map(vms.get(vmId).disks.map(({ id, imageId }) => [id, imageId]));
  const inVm = disks.filter(({ diskId, imageId }) => vm !== null && written.get(diskId) === imageId);
  const others = disks.filter((disk) => !inVm.includes(disk));
  if (inVm.length > 0) await dropTags(images, vm, { jobId, tag, disks: inVm });
  if (resumed) await untilLetGo(images, others);
  await dropTags(images, null, { jobId: '', tag, disks: others });
};

/** Again and again the same: a tag that is gone is no error. */
export const createDropInside =
  (deps: Deps): DropInside =>
  async (context, wish, ruined) => {
    const { name, tag, disks } = wish.doomed;
    const before = await spreadOf(deps.images, disks, tag);
    try {
      await dropEverywhere(deps, context.resumed, wish);
    } catch (error) {
      if (context.ending) throw error;
      // With one of its tags it has lost what made it a restore point.
      const left = await spreadOf(deps.images, disks, tag).catch(() => before);
      if (left !== 'all') {
        ruined();
        context.recovered(`“${name}” is no longer whole, and no restore point any more.`);
      }
      throw error;
    }
  };
