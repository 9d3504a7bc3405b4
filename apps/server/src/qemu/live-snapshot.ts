import { dirname, resolve } from 'node:path';
import { QmpTimeoutError } from '@strata/qmp';
import { AppError } from '../app-error.ts';
import type { LiveVm } from '../features/vms/vms.types.ts';
import { newId } from '../new-id.ts';
import { realPathOf } from './block-graph.ts';
import { closeDroppedNodes, nodesInPreparation } from './dropped-nodes.ts';
import type { LiveOverlay, OverlayLink } from './live-snapshot.types.ts';
import { inWords } from './qemu-errors.ts';
import { readQcow2Header } from './read-header.ts';
import { areWritten, rememberWritten, type WrittenLayer, writtenLayers } from './written-layers.ts';

interface Prepared {
  readonly overlay: LiveOverlay;
  readonly top: WrittenLayer;
  /** The name of the node the overlay will be. */
  readonly node: string;
}

export interface SnapshotCourse {
  /** What the disks write, when that was asked for before. */
  readonly tops?: Promise<readonly WrittenLayer[]>;
  /** What happens while the overlays are open and the disks have not switched; it says when they do. */
  readonly during?: (switchNow: () => Promise<void>) => Promise<void>;
}

/**
 * All disks switch to their new overlays at one instant, or none does.
 *
 *     base ← active*              base ← active ← overlay*
 *
 * On an error the overlays are closed again and may be deleted, unless it is `qemu-unresponsive`: then ask the VM's disks what
 * they stand on.
 */
export function snapshotDisks(
  vm: LiveVm,
  overlays: readonly LiveOverlay[],
  { tops, during }: SnapshotCourse = {},
): Promise<void> {
  return inWords('Taking the snapshot', async () => {
    const prepared = prepare(overlays, await (tops ?? writtenLayers(vm, overlays.map(diskOf))));
    for (const { node } of prepared) nodesInPreparation.add(node);
    try {
      // What has been read already is asked for in one breath: without its overlays a transaction changes nothing.
      const isRead = overlays.every(({ says }) => says !== undefined);
      const layers =
        isRead && during === undefined
          ? await switchAtOnce(vm, prepared)
          : await switchLater(vm, prepared, during);
      const before = prepared.map(({ top }) => top);
      rememberWritten(vm, layers, before);
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

const diskOf = ({ diskId }: LiveOverlay): string => diskId;

const wantedOf = (items: readonly Prepared[]) =>
  items.map(({ overlay, node }) => ({ diskId: overlay.diskId, node }));

function prepare(overlays: readonly LiveOverlay[], tops: readonly WrittenLayer[]): Prepared[] {
  return overlays.map((overlay, index) => {
    const top = tops[index];
    if (top === undefined) throw new AppError('internal-error', `Disk ${overlay.diskId} writes nothing.`);
    return { overlay, top, node: `n-${newId()}` };
  });
}

async function switchAtOnce(vm: LiveVm, items: readonly Prepared[]): Promise<WrittenLayer[]> {
  for (const { overlay, top } of items)
    if (overlay.says !== undefined) demandFits(overlay.overlayPath, overlay.says, top);
  const opened = openAll(vm, items);
  const { switched, written } = switchAll(vm, items);
  switched.catch(() => {});
  await opened;
  await switched;
  await demandWritten(written);
  return items.map(asWritten);
}

async function switchLater(
  vm: LiveVm,
  items: readonly Prepared[],
  during: SnapshotCourse['during'] = (switchNow) => switchNow(),
): Promise<WrittenLayer[]> {
  const [read, opened] = await Promise.allSettled([Promise.all(items.map(readAgain)), openAll(vm, items)]);
  for (const outcome of [read, opened]) if (outcome.status === 'rejected') throw outcome.reason;
  let written: Promise<boolean> | null = null;
  await during(() => {
    const step = switchAll(vm, items);
    written = step.written;
    return step.switched;
  });
  await demandWritten(written ?? areWritten(vm, wantedOf(items)));
  const paths = await Promise.all(items.map(({ overlay }) => realPathOf(overlay.overlayPath)));
  return items.map((item, at) => ({ ...asWritten(item), file: paths[at] ?? '' }));
}

/** `blockdev-snapshot` checks neither the overlay's backing string nor its size: a wrong one loses the disk at the next start. */
function demandFits(path: string, says: OverlayLink, { file, driver, virtualSize }: WrittenLayer): void {
  if (says.on !== file)
    throw new AppError('plan-stale', `${path} stands on ${says.on}, and the disk writes to ${file}.`);
  if (says.driver !== driver)
    throw new AppError('plan-stale', `${path} takes ${file} for ${says.driver}, not ${driver}.`);
  if (virtualSize !== null && says.virtualSize !== virtualSize)
    throw new AppError('plan-stale', `${path} is not as large as ${file}.`);
}

async function readAgain({ overlay: { overlayPath: path }, top }: Prepared): Promise<void> {
  const { backing, virtualSize } = await readQcow2Header(path);
  const on = await realPathOf(resolve(dirname(path), backing?.string ?? '.'));
  const size = top.virtualSize ?? (await readQcow2Header(top.file)).virtualSize;
  demandFits(path, { on, driver: String(backing?.format), virtualSize }, { ...top, virtualSize: size });
}

async function demandWritten(written: Promise<boolean>): Promise<void> {
  if (!(await written))
    throw new AppError('qemu-unresponsive', 'The disks did not switch to their new overlays.');
}

/** What the disk writes once it has switched. */
function asWritten({ overlay, top, node }: Prepared): WrittenLayer {
  return { ...top, node, file: overlay.overlayPath, driver: 'qcow2' };
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

/** Whether the disks write their overlays is asked in the same breath: QEMU answers in order. */
function switchAll(
  vm: LiveVm,
  items: readonly Prepared[],
): { switched: Promise<void>; written: Promise<boolean> } {
  const actions = items.map(({ top, node }) => ({
    type: 'blockdev-snapshot' as const,
    data: { node: top.node, overlay: node },
  }));
  const wanted = wantedOf(items);
  let inTime = true;
  const switched = vm.qmp.execute('transaction', { actions }, { timeoutMs: 60_000 }).then(
    () => {},
    (error: unknown) => {
      // No answer is no failure: the disks are asked anew.
      if (!(error instanceof QmpTimeoutError)) throw error;
      inTime = false;
    },
  );
  const asked = areWritten(vm, wanted);
  const written = switched.then(() => (inTime ? asked : areWritten(vm, wanted)));
  asked.catch(() => {});
  written.catch(() => {});
  return { switched, written };
}

/** A node that is in use after all (the transaction was carried out late) cannot be deleted, and that is right. */
async function closeUnused(vm: LiveVm, items: readonly Prepared[]): Promise<void> {
  for (const { node } of items) {
    await vm.qmp.execute('blockdev-del', { 'node-name': node }).catch(() => undefined);
  }
}
