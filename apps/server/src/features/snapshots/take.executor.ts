import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../app-error.ts';
import { diskStem } from '../../disk-stem.ts';
import type { BlockEngines } from '../../qemu/block-engine.types.ts';
import { closeAbandonedOverlays, snapshotDisks } from '../../qemu/live-snapshot.ts';
import { type WrittenLayer, writtenLayers } from '../../qemu/written-layers.ts';
import type { ImagesService } from '../images/images.types.ts';
import type { Executor, OperationContext } from '../operations/operations.types.ts';
import type { VmHardware } from '../vms/vm-record.types.ts';
import type { VmsService } from '../vms/vms.types.ts';
import { type FreezeJournal, letGo, switchFrozen } from './freeze-hook.ts';
import { closeLeftovers, whileHeld } from './held-layers.ts';
import { type KeptMoment, keepMoment, keepMomentUp, momentColumns, nothingKept } from './kept-moment.ts';
import type { KeptVarsFiles } from './kept-vars.ts';
import {
  createOverlays,
  type KnownOverlays,
  type NewOverlay,
  type OverlayWish,
  overlaysBefore,
  removeOverlays,
  removeStrays,
} from './new-overlays.ts';
import type { QuiesceLimits } from './quiesce.ts';
import type { ScreenshotFiles } from './screenshot-files.ts';
import type { SnapshotsRepository } from './snapshots.repository.ts';
import { liveOverlays, writtenNow } from './take-live.ts';
import { type TakenMemory, takeWithMemory } from './take-memory.ts';

/*
 *    active  <- the VM writes         overlay  <- the VM writes
 *    base                             active   <- frozen: the restore point
 *                                     base
 */

export interface TakeMemoryRun {
  readonly file: string;
  /** What it may take, about: to show how far it is. */
  readonly forecast: number;
  readonly stopAfterSeconds: number;
  /** What it fits. */
  readonly hardware: VmHardware;
}

export interface TakeRun {
  readonly vmId: string;
  readonly vmName: string;
  readonly snapshotId: string;
  readonly name: string;
  readonly description: string;
  /** Left out by a former version of Strata: it was asked for. */
  readonly origin?: 'taken' | 'schedule';
  readonly vmWasOff: boolean;
  /** With frozen file systems. */
  readonly quiesce?: boolean;
  /** The memory is kept in this file; null, or left out by a former version: the disks alone. */
  readonly memory?: TakeMemoryRun | null;
  /** The active layers that become the restore point. */
  readonly disks: readonly { readonly diskId: string; readonly imageId: string }[];
}

export interface TakeJournal extends FreezeJournal {
  /**
   * `new`: of a former version of Strata. `creating`: where the overlays will be is known. `switching`: all of them exist;
   * the disks may or may not continue on them.
   */
  readonly phase: 'new' | 'creating' | 'switching' | 'recorded';
  readonly known: KnownOverlays;
  readonly overlays: readonly NewOverlay[];
  readonly screenshot: string | null;
  /** Left out by a former version of Strata. */
  readonly moment?: KeptMoment;
  /** Until then nobody stops the guest or lets it go on but this. */
  readonly keepsMemory?: boolean;
  /** It was kept, and the disks switched with it. */
  readonly memory?: TakenMemory;
}
export type TakeContext = OperationContext<TakeRun, TakeJournal>;
type Context = TakeContext;

export interface TakeDeps {
  readonly images: ImagesService;
  readonly vms: VmsService;
  readonly engines: BlockEngines;
  readonly repository: SnapshotsRepository;
  readonly screenshots: ScreenshotFiles;
  readonly vars: KeptVarsFiles;
  readonly publish: (snapshotId: string, change: 'created' | 'updated' | 'deleted') => void;
  /** How long a guest may be frozen; left out: as usual. */
  readonly limits?: QuiesceLimits;
}

const record = ({ vms, repository, publish }: TakeDeps, context: Context): void => {
  const { vmId, snapshotId, name, description, origin = 'taken', vmWasOff, disks } = context.request;
  const { memory = null } = context.journal;
  const journal: TakeJournal = { ...context.journal, phase: 'recorded' };
  const write = (): void => {
    repository.insert({
      id: snapshotId,
      vmId,
      parentId: vms.currentSnapshot(vmId),
      name,
      description,
      kind: 'external',
      memory: memory !== null,
      consistency: memory === null ? (context.journal.consistency ?? 'crash') : 'memory',
      vmWasOff,
      pauseMs: memory?.pauseMs ?? null,
      screenshot: context.journal.screenshot,
      createdAt: new Date().toISOString(),
      ...momentColumns(context.journal.moment ?? nothingKept),
      ...(memory === null ? {} : { definition: context.request.memory?.hardware ?? null }),
      ...{ origin, memoryFile: memory?.file ?? null, memoryBytes: memory?.bytes ?? null },
      disks: disks.map((disk) => ({ ...disk, internalTag: null })),
    });
    for (const overlay of context.journal.overlays) vms.setDiskImage(vmId, overlay.diskId, overlay.imageId);
    vms.setCurrentSnapshot(vmId, snapshotId);
  };
  // Of a VM that is off the layers are still held, and a later run must know of that.
  if (vmWasOff) context.save(journal, write);
  else context.conclude(journal, { snapshotId }, write);
  publish(snapshotId, 'created');
};

/** Where a disk stands among those of its VM: layers are named by it. */
export const positionOf = (vms: VmsService, vmId: string, diskId: string): number =>
  vms.get(vmId).disks.findIndex((disk) => disk.id === diskId);

/** An overlay for each disk, named by the VM. */
export const overlayWishes = (
  vms: VmsService,
  { vmId, vmName, disks }: Pick<TakeRun, 'vmId' | 'vmName' | 'disks'>,
): OverlayWish[] => {
  const positions = vms.get(vmId).disks.map(({ id }) => id);
  return disks.map(({ diskId, imageId }) => ({
    ...{ diskId, backingId: imageId },
    stem: diskStem(vmName, positions.indexOf(diskId)),
  }));
};

const keepPicture = ({ screenshots, vms }: TakeDeps, { request }: Context): Promise<string | null> =>
  screenshots.keep(request.vmId, request.snapshotId, () => vms.screenshot(request.vmId));

/** What was asked for is done first, and answered. */
const pictureAfterMs = 150;
const afterwards = (): Promise<void> => delay(pictureAfterMs, undefined, { ref: false });

/** QEMU answers nobody else while it draws the screen, and its guest waits as well. */
const isPicturedLater = ({ vms }: TakeDeps, { request }: Context): boolean =>
  !request.vmWasOff && request.memory == null && vms.live(request.vmId) !== null;

/** The picture of a moment ago, for a snapshot that was written down without one. */
const addPicture = async (
  { repository, screenshots, publish }: TakeDeps,
  context: Context,
  picture: Promise<string | null>,
): Promise<void> => {
  const { vmId, snapshotId } = context.request;
  const name = await picture;
  if (name === null || context.ending) return;
  if (repository.addScreenshot(snapshotId, name)) publish(snapshotId, 'updated');
  else await screenshots.remove(vmId, name);
};

const makeOverlays = async (deps: TakeDeps, context: Context): Promise<void> => {
  const { images, vms } = deps;
  const { vmId, snapshotId, disks } = context.request;
  // What was placed when it was asked for; after a crash that is undone, and everything begins anew.
  const known = context.resumed
    ? overlaysBefore(
        images,
        disks.map((disk) => disk.imageId),
      )
    : context.journal.known;
  const moment = await keepMoment(deps, vmId, snapshotId);
  // With its memory the guest stands at the end, and while it only runs nobody waits for its picture: it is taken after.
  const picture = isPicturedLater(deps, context) ? null : keepPicture(deps, context);
  const overlays = await createOverlays(images, overlayWishes(vms, context.request), {
    ...{ operationId: context.id, known },
    save: (next) => context.save({ ...context.journal, phase: 'creating', known: next }),
  }).catch(async (error: unknown) => {
    // Not written behind the back of whoever clears up.
    await picture;
    throw error;
  });
  const screenshot = await picture;
  context.save({
    ...{ phase: 'switching', known: context.journal.known, overlays, screenshot, moment },
    ...(context.request.memory == null ? {} : { keepsMemory: true }),
  });
};

/** The disks are switched: a copy of the UEFI variables that cannot be made anew does not undo that. */
const keepVarsUp = async (deps: TakeDeps, context: Context): Promise<void> => {
  const { vmId, snapshotId } = context.request;
  try {
    const kept = context.journal.moment ?? nothingKept;
    const moment = await keepMomentUp(deps, vmId, snapshotId, kept);
    if (moment !== kept) context.save({ ...context.journal, moment });
  } catch {
    context.recovered('The UEFI variables are those of just before the disks were switched.');
  }
};

const switchDisks = async (
  deps: TakeDeps,
  context: Context,
  tops: Promise<WrittenLayer[]> | null,
): Promise<void> => {
  const { overlays } = context.journal;
  const vm = deps.vms.live(context.request.vmId);
  // It ended after it was asked for: an overlay over the active layer reads the same, whichever was written last.
  if (vm === null) return;
  try {
    if (context.resumed) await closeAbandonedOverlays(vm);
    await snapshotDisks(vm, liveOverlays(deps, context), tops === null ? {} : { tops });
  } catch (error) {
    if (context.ending) throw error;
    const found = await writtenNow(deps, context);
    if (found === 'not-switched') {
      const ids = overlays.map((overlay) => overlay.imageId);
      await removeOverlays(deps.images, ids);
      throw error;
    }
    // With `unknown` the books say that the overlays are written: if they are not, their chains read the same still.
    if (found === 'vm-gone')
      context.recovered('The VM ended while the snapshot was taken; it shows what was on the disks then.');
    if (found === 'unknown')
      context.recovered('QEMU did not say whether it had switched the disks; the VM should be restarted.');
  }
};

/** The VM is off, and locked: nothing was written to the overlays yet. The disks continue on them as soon as the books say so. */
const switchBooks = async (deps: TakeDeps, context: Context): Promise<void> => {
  const { overlays } = context.journal;
  const holding = {
    operationId: context.id,
    written: context.request.disks.map((disk) => disk.imageId),
    tops: overlays.map((overlay) => overlay.imageId),
    // The overlay, and what becomes the restore point.
    layers: 2,
  };
  try {
    await whileHeld(deps, holding, () => {
      context.step(2);
      record(deps, context);
    });
  } catch (error) {
    if (!context.ending && context.journal.phase === 'switching')
      await removeOverlays(deps.images, holding.tops);
    throw error;
  }
};

/** Killed before the disks could have been switched: nothing was taken. */
const rollBack = async ({ images, vms }: TakeDeps, context: Context): Promise<void> => {
  const removed = await removeStrays(images, context.journal.known);
  context.recovered(
    removed === 0
      ? 'No disk had been switched.'
      : 'No disk had been switched; the overlays made for it were removed.',
  );
  // Off and locked all the time, its disks still hold the moment that was meant. A running VM has gone on.
  if (vms.live(context.request.vmId) !== null)
    throw new AppError(
      'not-possible',
      'Strata was ended before this snapshot could be taken, and the VM has gone on. Nothing has changed; take it again.',
    );
};

/** Asked while the overlays are being made: the disks are locked, so what they write is what they will write. */
const askWritten = ({ vms }: TakeDeps, { request, resumed }: Context): Promise<WrittenLayer[]> | null => {
  const { vmId, disks } = request;
  const vm = resumed || request.vmWasOff || request.memory != null ? null : vms.live(vmId);
  if (vm === null) return null;
  const tops = writtenLayers(
    vm,
    disks.map(({ diskId }) => diskId),
  );
  // Who needs them hears of it.
  tops.catch(() => {});
  return tops;
};

const carryOut = async (deps: TakeDeps, context: Context): Promise<void> => {
  await letGo(deps, context);
  const tops = askWritten(deps, context);
  if (context.resumed) await closeLeftovers(deps, context.id, context.request.disks.length);
  if (context.resumed && context.journal.phase === 'creating') await rollBack(deps, context);
  if (context.journal.phase === 'new' || context.journal.phase === 'creating') {
    context.step(0);
    await makeOverlays(deps, context);
  }
  if (context.journal.phase !== 'switching') return;
  context.step(1);
  const takenBefore = context.resumed && (await writtenNow(deps, context)) === 'switched';
  if (context.request.memory != null && context.journal.memory === undefined) {
    const memory = await takeWithMemory(deps, context, context.request.memory);
    if (memory !== null) context.save({ ...context.journal, memory });
  }
  context.finishing();
  if (context.request.vmWasOff) return switchBooks(deps, context);
  // Of a guest that has gone on since it was taken, the variables of today are not those of the restore point.
  let picture: Promise<string | null> | null = null;
  if (!takenBefore) {
    if (context.request.memory == null)
      await switchFrozen(deps, context, () => switchDisks(deps, context, tops));
    if (context.journal.screenshot === null && isPicturedLater(deps, context))
      picture = afterwards().then(() => keepPicture(deps, context));
    await keepVarsUp(deps, context);
  }
  context.step(2);
  record(deps, context);
  // Nobody waits for it: a snapshot never fails for its picture.
  if (picture !== null) void addPicture(deps, context, picture).catch(() => {});
};

/** Of a snapshot that there will never be. */
export const forgetFiles = async (
  { screenshots, vars }: Pick<TakeDeps, 'screenshots' | 'vars'>,
  vmId: string,
  snapshotId: string,
): Promise<void> => {
  await screenshots.remove(vmId, `${snapshotId}.png`);
  await vars.remove(vmId, snapshotId);
};

export const takeExecutor = (deps: TakeDeps): Executor<TakeRun, TakeJournal> => ({
  kind: 'snapshot-take',
  // Its guest must stand from the last byte of its memory until its disks have switched.
  standsStill: ({ phase, keepsMemory }) => phase === 'switching' && keepsMemory === true,
  run: async (context) => {
    const { vmId, snapshotId, disks, vmWasOff } = context.request;
    try {
      await deps.images.undisturbed(() => carryOut(deps, context));
    } catch (error) {
      if (!context.ending && context.journal.phase !== 'recorded') await forgetFiles(deps, vmId, snapshotId);
      throw error;
    }
    const layers = [...disks, ...context.journal.overlays].map(({ imageId }) => imageId);
    if (vmWasOff) await deps.images.refresh(layers);
    else deps.images.refreshSoon(layers);
    return { snapshotId };
  },
});
