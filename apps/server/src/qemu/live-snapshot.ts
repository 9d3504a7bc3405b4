import { dirname, resolve } from 'node:path';
import { type BlockDeviceInfo, QmpTimeoutError } from '@strata/qmp';
import { AppError } from '../app-error.ts';
import type { LiveVm } from '../features/vms/vms.types.ts';
import { newId } from '../new-id.ts';
import { activeFile, deviceOf, realPathOf } from './block-graph.ts';
import { closeDroppedNodes, nodesInPreparation } from './dropped-nodes.ts';
import type { LiveOverlay } from './live-snapshot.types.ts';
import { inWords } from './qemu-errors.ts';
import { readQcow2Header } from './read-header.ts';

interface Prepared {
  readonly overlay: LiveOverlay;
  readonly top: BlockDeviceInfo;
  /** The name of the node the overlay will be. */
  readonly node: string;
}

/**
 * All disks switch to their new overlays at one instant, or none does.
 *
 *     base ← active*              base ← active ← overlay*
 *
 * On an error the overlays are closed again and may be deleted, unless it is `qemu-unresponsive`: then ask the VM's disks what
 * they stand on. `during`: what happens while the overlays are open and the disks have not switched; it says when they do.
 */
export function snapshotDisks(
  vm: LiveVm,
  overlays: readonly LiveOverlay[],
  during: (switchNow: () => Promise<void>) => Promise<void> = (switchNow) => switchNow(),
): Promise<void> {
  return inWords('Taking the snapshot', async () => {
    const prepared = await Promise.all(overlays.map((overlay) => prepare(vm, overlay)));
    const opened: Prepared[] = [];
    for (const { node } of prepared) nodesInPreparation.add(node);
    try {
      for (const item of prepared) {
        await open(vm, item);
        opened.push(item);
      }
      await during(() => switchAll(vm, opened));
      await verify(vm, opened);
    } catch (error) {
      await closeUnused(vm, opened);
      throw error;
    } finally {
      for (const { node } of prepared) nodesInPreparation.delete(node);
    }
  });
}

/** The overlays that a server opened in a VM and did not live to switch to: open, they could neither be used nor removed. */
export const closeAbandonedOverlays = (vm: LiveVm): Promise<void> =>
  inWords('Closing the overlays that were not used', () => closeDroppedNodes(vm.qmp));

/** `blockdev-snapshot` checks neither the overlay's backing string nor its size: a wrong one loses the disk at the next start. */
async function prepare(vm: LiveVm, overlay: LiveOverlay): Promise<Prepared> {
  const path = overlay.overlayPath;
  const { inserted: top } = await deviceOf(vm.qmp, vm.qdevOf(overlay.diskId));
  if (!top) throw new AppError('internal-error', `Disk ${overlay.diskId} has no medium.`);
  const header = await readQcow2Header(path);
  const backing = await realPathOf(resolve(dirname(path), header.backing?.string ?? '.'));
  const active = await activeFile(vm, top);
  if (backing !== active)
    throw new AppError('plan-stale', `${path} stands on ${backing}, and the disk writes to ${active}.`);
  if (header.backing?.format !== top.drv)
    throw new AppError(
      'plan-stale',
      `${path} takes ${active} for ${header.backing?.format}, not ${top.drv}.`,
    );
  if (header.virtualSize !== top.image['virtual-size'])
    throw new AppError('plan-stale', `${path} is not as large as ${active}.`);
  return { overlay, top, node: `n-${newId()}` };
}

/** `backing: null`: the layer below is open already and is put under it by the transaction. */
async function open(vm: LiveVm, { overlay, top, node }: Prepared): Promise<void> {
  const cache = { direct: top.cache.direct, 'no-flush': top.cache['no-flush'] };
  const shared = { cache, discard: overlay.discard ? ('unmap' as const) : ('ignore' as const) };
  await vm.qmp.execute('blockdev-add', {
    driver: 'qcow2',
    'node-name': node,
    backing: null,
    'detect-zeroes': top.detect_zeroes,
    ...shared,
    // Named, because blockdev-reopen refers to it; defined here, so that it goes when the overlay goes.
    file: { driver: 'file', 'node-name': `${node}-f`, filename: overlay.overlayPath, ...shared },
  });
}

async function switchAll(vm: LiveVm, items: readonly Prepared[]): Promise<void> {
  const actions = items.map(({ top, node }) => ({
    type: 'blockdev-snapshot' as const,
    data: { node: top['node-name'] ?? '', overlay: node },
  }));
  try {
    await vm.qmp.execute('transaction', { actions }, { timeoutMs: 60_000 });
  } catch (error) {
    // No answer is no failure: the disks are asked.
    if (!(error instanceof QmpTimeoutError)) throw error;
  }
}

async function verify(vm: LiveVm, items: readonly Prepared[]): Promise<void> {
  const switched = await Promise.all(items.map((item) => hasSwitched(vm, item)));
  if (!switched.every(Boolean))
    throw new AppError('qemu-unresponsive', 'The disks did not switch to their new overlays.');
}

async function hasSwitched(vm: LiveVm, { overlay, node }: Prepared): Promise<boolean> {
  const { inserted } = await deviceOf(vm.qmp, vm.qdevOf(overlay.diskId));
  return inserted?.['node-name'] === node;
}

/** A node that is in use after all (the transaction was carried out late) cannot be deleted, and that is right. */
async function closeUnused(vm: LiveVm, items: readonly Prepared[]): Promise<void> {
  for (const { node } of items) {
    await vm.qmp.execute('blockdev-del', { 'node-name': node }).catch(() => undefined);
  }
}
