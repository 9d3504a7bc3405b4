import { AppError } from '../../app-error.ts';
import { diskStem } from '../../disk-stem.ts';
import type { Executor, OperationContext } from '../operations/operations.types.ts';
import type { VmHardware } from '../vms/vm-record.types.ts';
import type { VmsService } from '../vms/vms.types.ts';
import { closeLeftovers, whileHeld } from './held-layers.ts';
import { type KeptMoment, keepMoment, keepMomentUp, momentColumns, nothingKept } from './kept-moment.ts';
import {
  createOverlays,
  type KnownOverlays,
  type NewOverlay,
  overlaysBefore,
  removeOverlays,
  removeStrays,
} from './new-overlays.ts';
import type { VarsToRestore } from './revert-hardware.ts';
import { giveBackKept, keptMemoryOf, saveKept } from './revert-keep.ts';
import { goOnFromMemory, type KeptMemory } from './revert-memory.ts';
import type { RevertStep } from './revert-view.ts';
import { forgetFiles, positionOf, type TakeDeps, type TakeMemoryRun } from './take.executor.ts';

/*
 *    active              active      overlay  <- the VM writes
 *    s1 (snapshot)           └── s1 ──┘
 *    base                        base
 */

export interface RevertRun {
  readonly vmId: string;
  readonly vmName: string;
  /** Where the VM is afterwards; null: at none. */
  readonly snapshotId: string | null;
  readonly overlays: readonly {
    readonly diskId: string;
    /** Null: the VM gets this disk back. */
    readonly from: string | null;
    readonly backing: string;
  }[];
  /** Disks that continue on a layer that is there already. */
  readonly switches?: readonly { readonly diskId: string; readonly from: string; readonly to: string }[];
  /** The snapshot that keeps the current state; null when it is given up. */
  readonly keep: {
    readonly id: string;
    readonly name: string;
    readonly vmWasOff: boolean;
    readonly disks: readonly { readonly diskId: string; readonly imageId: string }[];
    /** The VM was suspended: this is a restore point with memory. */
    readonly memory?: KeptMemory | null;
    /** The VM runs, and this is one with the memory that is saved before it ends. */
    readonly saves?: TakeMemoryRun | null;
  } | null;
  /** The VM goes on from this one. */
  readonly memory?: KeptMemory | null;
  /** The memory of a suspended VM: kept, or given up. */
  readonly leavesMemory?: string | null;
  /** Active layers that go to the trash. */
  readonly deletes: readonly string[];
  /** What the VM becomes; null or left out: it stays what it is. */
  readonly hardware?: VmHardware | null;
  /** Active layers of disks that leave it. */
  readonly leaves?: readonly string[];
  /** Left out: the UEFI variables stay as they are. */
  readonly vars?: VarsToRestore | undefined;
  readonly start: 'no' | 'running' | 'paused';
  /** What is done, in order; the operation shows these steps. */
  readonly order: readonly RevertStep[];
}

export interface RevertJournal {
  /** `saving`, `stopping`: the overlays exist, the VM is being saved or powered off. `switched`: the books are right. */
  readonly phase: 'new' | 'creating' | 'saving' | 'stopping' | 'switched';
  readonly known: KnownOverlays;
  readonly overlays: readonly NewOverlay[];
  readonly screenshot: string | null;
  /** Of the state that is left; left out by a former version of Strata. */
  readonly moment?: KeptMoment;
  /** The memory of the current state is in its file, which is durable. With `creating`: it was given back. */
  readonly savedBytes?: number;
}
export type RevertContext = OperationContext<RevertRun, RevertJournal>;
type Context = RevertContext;

const switchesOf = ({ request }: Context) => request.switches ?? [];

/** Where a disk stands; one that comes back, among those of then. */
const placeOf = (vms: VmsService, { vmId, hardware }: RevertRun, diskId: string): number => {
  const place = positionOf(vms, vmId, diskId);
  return place < 0 ? (hardware?.disks.findIndex(({ id }) => id === diskId) ?? 0) : place;
};

const makeOverlays = async (deps: TakeDeps, context: Context): Promise<void> => {
  const { images, vms, screenshots } = deps;
  const { vmId, vmName, overlays: wanted, keep } = context.request;
  const known = overlaysBefore(
    images,
    wanted.map(({ backing }) => backing),
  );
  // Now: when the VM is off, nothing tells any more what it ran with.
  const moment = keep === null ? nothingKept : await keepMoment(deps, vmId, keep.id);
  const overlays = await createOverlays(
    images,
    wanted.map(({ diskId, backing }) => ({
      diskId,
      backingId: backing,
      stem: diskStem(vmName, placeOf(vms, context.request, diskId)),
    })),
    {
      operationId: context.id,
      known,
      save: (next) => context.save({ ...context.journal, phase: 'creating', known: next }),
    },
  );
  const screenshot = keep === null ? null : await screenshots.keep(vmId, keep.id, () => vms.screenshot(vmId));
  const phase = keep?.saves == null ? 'stopping' : 'saving';
  context.save({ phase, known: context.journal.known, overlays, screenshot, moment });
};

/** Swapping a disk under a running guest would corrupt its caches: the guest ends first (qemu-recipes.md §7). */
const powerOff = async ({ vms }: TakeDeps, vmId: string): Promise<void> => {
  if (vms.live(vmId) === null) return;
  // Paused first, so that what is kept is one moment. A VM that is paused already says no to that.
  await vms.pause(vmId).catch(() => {});
  await vms.poweroff(vmId);
  if (vms.live(vmId) !== null)
    throw new AppError('vm-running', 'The VM could not be powered off; its disks were not changed.');
};

/** The VM is off: its UEFI variables are what they will be. */
const keepVarsUp = async (deps: TakeDeps, context: Context): Promise<void> => {
  const { vmId, keep } = context.request;
  if (keep === null) return;
  const kept = context.journal.moment ?? nothingKept;
  const moment = await keepMomentUp(deps, vmId, keep.id, kept);
  if (moment !== kept) context.save({ ...context.journal, moment });
};

/** The images of its disks are those the disks continue on: a disk that comes back has no other. */
const restoreHardware = (vms: VmsService, { request, journal }: Context): void => {
  const { vmId, hardware } = request;
  if (hardware === null || hardware === undefined) return;
  const made = new Map(journal.overlays.map(({ diskId, imageId }) => [diskId, imageId]));
  const disks = hardware.disks.map((disk) => ({ ...disk, imageId: made.get(disk.id) ?? disk.imageId }));
  vms.moments.restore(vmId, { ...hardware, disks });
};

/** After the books, and again after a crash: the VM is off, and starts only after this. */
const restoreVars = async ({ vms, vars }: TakeDeps, { request }: Context): Promise<void> => {
  if (request.vars === undefined || vms.live(request.vmId) !== null) return;
  await vars.restore(request.vmId, request.vars.name, vms.moments.uefiVars(request.vmId));
};

const record = ({ vms, repository, publish }: TakeDeps, context: Context): void => {
  const { vmId, snapshotId, keep, memory = null, leavesMemory = null } = context.request;
  const kept = keptMemoryOf(context);
  context.save({ ...context.journal, phase: 'switched' }, () => {
    if (keep !== null)
      repository.insert({
        id: keep.id,
        vmId,
        parentId: vms.currentSnapshot(vmId),
        name: keep.name,
        description: '',
        kind: 'external',
        memory: kept !== null,
        consistency: kept === null ? 'crash' : 'memory',
        vmWasOff: keep.vmWasOff,
        pauseMs: null,
        screenshot: context.journal.screenshot,
        createdAt: new Date().toISOString(),
        ...momentColumns(context.journal.moment ?? nothingKept),
        ...(kept === null ? {} : { definition: kept.hardware }),
        ...{ origin: 'kept', memoryFile: kept?.file ?? null, memoryBytes: kept?.bytes ?? null },
        disks: keep.disks.map((disk) => ({ ...disk, internalTag: null })),
      });
    restoreHardware(vms, context);
    for (const overlay of context.journal.overlays) vms.setDiskImage(vmId, overlay.diskId, overlay.imageId);
    for (const { diskId, to } of switchesOf(context)) vms.setDiskImage(vmId, diskId, to);
    vms.setCurrentSnapshot(vmId, snapshotId);
    vms.moments.forgetFailure(vmId);
    // On these disks the memory of the snapshot fits, and the one that waited does not.
    if (memory !== null) vms.memory.setSuspended(vmId, { ...memory, at: new Date().toISOString() });
    else if (leavesMemory !== null) vms.memory.setSuspended(vmId, null);
  });
  if (keep !== null) publish(keep.id, 'created');
};

/** Nothing came of it: the VM writes its layers still. What cannot be removed must not keep the guest from its memory. */
const withdraw = async ({ images, vms }: TakeDeps, context: Context): Promise<void> => {
  for (const { imageId } of context.journal.overlays)
    await removeOverlays(images, [imageId]).catch((error: unknown) => {
      if (context.ending) throw error;
      context.recovered(`Nothing needs it: ${error instanceof Error ? error.message : String(error)}`);
    });
  await giveBackKept(vms, context);
};

/** Steps that there is nothing to do for are not shown. */
const begin = (context: Context, step: RevertStep): void => {
  const index = context.request.order.indexOf(step);
  if (index >= 0) context.step(index);
};

const swap = async (deps: TakeDeps, context: Context): Promise<void> => {
  const { vmId, overlays: wanted } = context.request;
  const made = context.journal.overlays.map((overlay) => overlay.imageId);
  const entered = switchesOf(context).map(({ to }) => to);
  const left = [
    ...[...wanted, ...switchesOf(context)].flatMap(({ from }) => from ?? []),
    ...(context.request.leaves ?? []),
  ];
  begin(context, 'stop');
  try {
    await powerOff(deps, vmId);
    await keepVarsUp(deps, context);
    const held = { operationId: context.id, written: [...left, ...entered], tops: [...made, ...entered] };
    await whileHeld(deps, held, () => {
      context.finishing();
      begin(context, 'switch');
      record(deps, context);
    });
  } catch (error) {
    if (!context.ending && context.journal.phase === 'stopping') await withdraw(deps, context);
    throw error;
  }
};

const save = async (deps: TakeDeps, context: Context): Promise<void> => {
  const saves = context.request.keep?.saves ?? null;
  if (saves === null) return;
  begin(context, 'stop');
  try {
    await saveKept(deps.vms, context, saves);
  } catch (error) {
    if (!context.ending) await withdraw(deps, context);
    throw error;
  }
};

const start = async ({ vms }: TakeDeps, context: Context, done: string): Promise<void> => {
  const { vmId, start: wish, memory = null } = context.request;
  context.release({ vms: [vmId], images: switchesOf(context).map(({ to }) => to) });
  if (wish === 'no' || vms.live(vmId) !== null) return;
  try {
    if (memory === null) await vms.start(vmId, { paused: wish === 'paused' });
    else await goOnFromMemory(vms, vmId, wish === 'paused');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const code = error instanceof AppError ? error.code : 'internal-error';
    const what = memory === null ? 'be started' : 'go on from its memory';
    throw new AppError(code, `${done}, but it could not ${what}: ${why}`);
  }
};

const beforeTheBooks = async (deps: TakeDeps, context: Context): Promise<void> => {
  const { overlays } = context.request;
  const disks = overlays.length + switchesOf(context).length;
  if (context.resumed) await closeLeftovers(deps, context.id, disks);
  if (context.journal.phase === 'creating') {
    await removeStrays(deps.images, context.journal.known);
    throw new AppError(
      'not-possible',
      context.journal.savedBytes === undefined
        ? 'Strata was ended before the VM was touched. Nothing has changed; begin it again.'
        : 'The VM could not be reverted. It is suspended: its memory had been saved already, and its next start goes on.',
    );
  }
  if (context.journal.phase === 'new') {
    begin(context, 'create');
    await makeOverlays(deps, context);
  }
  if (context.journal.phase === 'saving') await save(deps, context);
  if (context.journal.phase === 'stopping') await swap(deps, context);
};

const continueElsewhere = (
  deps: TakeDeps,
  kind: 'snapshot-revert' | 'promote',
  done: string,
): Executor<RevertRun, RevertJournal> => ({
  kind,
  // What its memory knows of its disks must stay true.
  standsStill: ({ phase, savedBytes }) =>
    phase === 'saving' || (phase === 'stopping' && savedBytes !== undefined),
  run: async (context) => {
    const { request } = context;
    try {
      await beforeTheBooks(deps, context);
    } catch (error) {
      if (!context.ending && request.keep !== null && context.journal.phase !== 'switched')
        await forgetFiles(deps, request.vmId, request.keep.id);
      throw error;
    }
    context.finishing();
    begin(context, 'after');
    await restoreVars(deps, context);
    await deps.vms.forgetPicture(request.vmId);
    if (request.leavesMemory != null) await deps.vms.memory.remove(request.vmId, request.leavesMemory);
    await deps.images.refresh();
    context.release({ images: request.deletes });
    for (const id of request.deletes)
      if (deps.images.list().some((image) => image.id === id)) await deps.images.delete(id);
    await start(deps, context, done);
    return {
      ...(request.snapshotId === null ? {} : { snapshotId: request.snapshotId }),
      ...(request.keep === null ? {} : { keptSnapshotId: request.keep.id }),
    };
  },
});

export const revertExecutor = (deps: TakeDeps): Executor<RevertRun, RevertJournal> =>
  continueElsewhere(deps, 'snapshot-revert', 'The VM was reverted');

/** Another branch instead of a snapshot; what is left stays. */
export const promoteExecutor = (deps: TakeDeps): Executor<RevertRun, RevertJournal> =>
  continueElsewhere(deps, 'promote', 'The VM continues on the other branch');
