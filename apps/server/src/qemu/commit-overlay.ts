import { syncWithFolder } from '../sync-files.ts';
import { type WorkWatch, work } from './image-work.ts';
import { inWords } from './qemu-errors.ts';
import { absolute } from './qemu-img.ts';

/**
 * What a qcow2 overlay holds of its own, into the image that its header names. The overlay stays as it is (`-d`): ended in the
 * middle, it is done once more, and then all of it is there. On disk when it returns. The caller knows what `into` stands on.
 */
export const commitOverlay = (overlay: string, into: string, watch: WorkWatch = {}): Promise<void> =>
  inWords(`Writing into ${into}`, async () => {
    // The default cache mode of a commit is `writeback`, which flushes at its end.
    await work(['commit', '-p', '-d', '-f', 'qcow2', '--', absolute(overlay)], watch);
    await syncWithFolder(into);
  });
