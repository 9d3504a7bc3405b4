import { realpath } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { LiveOverlay } from '../../qemu/live-snapshot.types.ts';
import type { ImagesService } from '../images/images.types.ts';
import type { TakeContext, TakeDeps } from './take.executor.ts';

export const liveOverlays = (
  { vms, images }: Pick<TakeDeps, 'vms' | 'images'>,
  { request, journal, resumed }: TakeContext,
): LiveOverlay[] => {
  const { disks } = vms.get(request.vmId);
  return journal.overlays.map(({ diskId, imageId, path }) => ({
    ...{ diskId, overlayPath: path },
    discard: disks.find((disk) => disk.id === diskId)?.discard ?? false,
    ...(resumed ? {} : saysOf(images, imageId)),
  }));
};

/** Made and read by this very run. */
const saysOf = (images: Pick<ImagesService, 'facts'>, imageId: string): Pick<LiveOverlay, 'says'> => {
  const { backingId, virtualSize } = images.facts(imageId);
  if (backingId === null) return {};
  const { path, format } = images.facts(backingId);
  return { says: { on: path, driver: format === 'iso' ? 'raw' : format, virtualSize } };
};

type Outcome = 'switched' | 'not-switched' | 'vm-gone' | 'unknown';
const askings = 20;
const askEveryMs = 1500;

/** Which layers are written now: the process itself says it. A transaction leaves nothing between all and none. */
export const writtenNow = async (
  { engines, vms }: TakeDeps,
  { request, journal }: TakeContext,
): Promise<Outcome> => {
  for (let asking = 1; asking <= askings; asking += 1) {
    const vm = vms.live(request.vmId);
    if (vm === null) return 'vm-gone';
    try {
      for (const { diskId, path } of journal.overlays) {
        const [top] = await engines.live(vm, diskId).chain();
        if (top?.path !== (await realpath(path))) return 'not-switched';
      }
      return 'switched';
    } catch {
      await delay(askEveryMs);
    }
  }
  return 'unknown';
};
