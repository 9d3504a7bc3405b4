import { realpath } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { LiveOverlay } from '../../qemu/live-snapshot.types.ts';
import type { TakeContext, TakeDeps } from './take.executor.ts';

export const liveOverlays = (
  { vms }: Pick<TakeDeps, 'vms'>,
  { request, journal }: TakeContext,
): LiveOverlay[] => {
  const { disks } = vms.get(request.vmId);
  return journal.overlays.map(({ diskId, path }) => ({
    diskId,
    overlayPath: path,
    discard: disks.find((disk) => disk.id === diskId)?.discard ?? false,
  }));
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
