import { dirname, resolve } from 'node:path';
import { QmpTimeoutError } from '@strata/qmp';
import { AppError } from '../app-error.ts';
import type { LiveVm } from '../features/vms/vms.types.ts';
import { newId } from '../new-id.ts';
import { realPathOf } from './block-graph.ts';
import { closeDroppedNodes, nodesInPreparation } from './dropped-nodes.ts';
import type { LiveOverlay } from './live-snapshot.types.ts';
import { inWords } from './qemu-errors.ts';
import { readQcow2Header } from './read-header.ts';
import { areWritten, rememberWritten, type WrittenLayer, writtenLayers } from './written-layers.ts';

interface Prepared {
  readonly overlay: LiveOverlay;
  readonly top: WrittenLayer;
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
    const prepared = await prepare(vm, overlays);
    for (const { node } of prepared) nodesInPreparation.add(node);
    try {
      await openAll(vm, prepared);
      await during(() => switchAll(vm, prepared));
      await verify(vm, prepared);
    } catch (error) {
      await closeUnused(vm, prepared);
      throw error;
    } finally {
      for (const { node } of prepared) nodesInPreparation.delete(node);
    }
  });
}

/** The overlays that a server opened in a VM and did not live to switch to: open, they could neither be used nor removed. */
export const closeAbandonedOverlays = (vm: LiveVm): Promise<void> =>
  inWords('Closing the overlays that were not used', () => closeDroppedNodes(vm.qmp));

async function prepare(vm: LiveVm, overlays: readonly LiveOverlay[]): Promise<Prepared[]> {
  const disks = overlays.map(({ diskId }) => diskId);
  const tops = await writtenLayers(vm, disks);
  const prepared: Prepared[] = [];
  for (const [index, overlay] of overlays.entries()) {
    const top = tops[index];
    if (top === undefined) throw new AppError('internal-error', `Disk ${overlay.diskId} writes nothing.`);
    await demandFits(overlay.overlayPath, top);
    prepared.push({ overlay, top, node: `n-${newId()}` });
  }
  return prepared;
}

/** `blockdev-snapshot` checks neither the overlay's backing string nor its size: a wrong one loses the disk at the next start. */
async function demandFits(path: string, { file, driver, virtualSize }: WrittenLayer): Promise<void> {
  const header = await readQcow2Header(path);
  const backing = await realPathOf(resolve(dirname(path), header.backing?.string ?? '.'));
  if (backing !== file)
    throw new AppError('plan-stale', `${path} stands on ${backing}, and the disk writes to ${file}.`);
  if (header.backing?.format !== driver)
    throw new AppError('plan-stale', `${path} takes ${file} for ${header.backing?.format}, not ${driver}.`);
  if (header.virtualSize !== virtualSize)
    throw new AppError('plan-stale', `${path} is not as large as ${file}.`);
}

/** All are asked for before the first answer is there. Waits for every answer: none is opened after a failure is told. */
async function openAll(vm: LiveVm, items: readonly Prepared[]): Promise<void> {
  const outcomes = await Promise.allSettled(items.map((item) => open(vm, item)));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

/** `backing: null`: the layer below is open already and is put under it by the transaction. */
async function open(vm: LiveVm, { overlay, top, node }: Prepared): Promise<void> {
  const shared = { cache: top.cache, discard: overlay.discard ? ('unmap' as const) : ('ignore' as const) };
  await vm.qmp.execute('blockdev-add', {
    driver: 'qcow2',
    'node-name': node,
    backing: null,
    'detect-zeroes': top.detectZeroes,
    ...shared,
    // Named, because blockdev-reopen refers to it; defined here, so that it goes when the overlay goes.
    file: { driver: 'file', 'node-name': `${node}-f`, filename: overlay.overlayPath, ...shared },
  });
}

async function switchAll(vm: LiveVm, items: readonly Prepared[]): Promise<void> {
  const actions = items.map(({ top, node }) => ({
    type: 'blockdev-snapshot' as const,
    data: { node: top.node, overlay: node },
  }));
  try {
    await vm.qmp.execute('transaction', { actions }, { timeoutMs: 60_000 });
  } catch (error) {
    // No answer is no failure: the disks are asked.
    if (!(error instanceof QmpTimeoutError)) throw error;
  }
}

async function verify(vm: LiveVm, items: readonly Prepared[]): Promise<void> {
  const wanted = items.map(({ overlay, node }) => ({ diskId: overlay.diskId, node }));
  if (!(await areWritten(vm, wanted)))
    throw new AppError('qemu-unresponsive', 'The disks did not switch to their new overlays.');
  const tops = items.map(({ top }) => top);
  const now = items.map(async ({ overlay, top, node }) => {
    const file = await realPathOf(overlay.overlayPath);
    return { ...top, node, file, driver: 'qcow2' };
  });
  rememberWritten(vm, await Promise.all(now), tops);
}

/** A node that is in use after all (the transaction was carried out late) cannot be deleted, and that is right. */
async function closeUnused(vm: LiveVm, items: readonly Prepared[]): Promise<void> {
  for (const { node } of items) {
    await vm.qmp.execute('blockdev-del', { 'node-name': node }).catch(() => undefined);
  }
}
