import { access, constants } from 'node:fs/promises';
import { AppError } from '../../app-error.ts';
import type { LoadMemory } from '../../qemu/memory-load.ts';
import { goOn } from '../../qemu/migration.ts';
import { ask } from '../../qemu/monitors.ts';
import { killProcess, type ProcessIdentity, waitForEnd } from '../../qemu/process-identity.ts';
import { memoryPath, removeMemory } from './memory-files.ts';
import type { Suspended, VmHardware, VmRecord } from './vm-record.types.ts';
import type { VmRun } from './vm-run.ts';
import { askGuards, exclusively, pathsOf, recordOf, type VmsContext } from './vms.context.ts';

/*
 * suspended → QEMU takes the memory, and stands → the process is written down → no longer suspended → the guest goes on
 *
 * Killed before "no longer suspended", the guest has not run a step: that QEMU is ended, and the memory is still good.
 * After it, only the QEMU counts: a memory that a guest has run on from fits its disks no more.
 */

const endLimitMs = 10_000;

/** The guest stood when it was saved: so it does again. */
export const isPaused = ({ hardware }: Suspended): boolean => hardware.ran?.paused === true;

type Nics = VmRecord['definition']['nics'];
/** Where a card is connected to, and the ports it forwards, are nothing a guest remembers. */
const reconnected = (saved: Nics, now: Nics): Nics =>
  saved.map((nic, position) => {
    const here = now[position];
    return here?.model === nic.model && (here.mode === 'none') === (nic.mode === 'none') ? here : nic;
  });

/** The VM as its memory knows it, on the disks and with the media of now. */
export const asSaved = (record: VmRecord, hardware: VmHardware): VmRecord => ({
  ...record,
  definition: {
    ...hardware.definition,
    accelerator: hardware.ran?.accelerator ?? hardware.definition.accelerator,
    boot: { ...hardware.definition.boot, once: null },
    nics: reconnected(hardware.definition.nics, record.definition.nics),
    media: hardware.definition.media.map((drive) => ({
      ...drive,
      imageId: record.definition.media.find(({ slot }) => slot === drive.slot)?.imageId ?? null,
    })),
  },
  disks: hardware.disks.map((disk) => {
    const now = record.disks.find(({ id }) => id === disk.id);
    if (now !== undefined) return { ...disk, imageId: now.imageId };
    throw new AppError(
      'not-possible',
      `The saved memory of "${record.name}" needs a disk that the VM no longer has. Forget the memory, or put the disk back.`,
    );
  }),
});

/** It goes on with the accelerator that it ran on. What was asked for, as “auto”, is what a change is one of. */
export const asAsked = ({ definition }: VmRecord, { hardware }: Suspended): VmRecord['definition'] => ({
  ...definition,
  accelerator: hardware.definition.accelerator,
});

export const memoryToLoad = async (
  context: VmsContext,
  record: VmRecord,
  { file }: Suspended,
): Promise<LoadMemory> => {
  const path = memoryPath(context, record, file);
  await access(path, constants.R_OK).catch(() => {
    throw new AppError(
      'not-possible',
      `The saved memory of "${record.name}" (${path}) is gone. Forget the memory: the VM then boots from its disks.`,
    );
  });
  const { memoryFiles } = await context.capabilities.target(record.definition.arch);
  return { path, socket: pathsOf(context, record).memorySocket, direct: memoryFiles };
};

/** The memory is in QEMU. From here on it is not used again. */
export const finishResume = async (
  context: VmsContext,
  record: VmRecord,
  run: VmRun,
  { file }: Suspended,
): Promise<void> => {
  context.repository.setSuspended(record.id, null);
  const { resumes, ...process } = run.process;
  if (resumes?.goesOn === true) {
    await ask('let the guest go on', goOn(run.monitors.control));
    run.paused = false;
  }
  context.repository.setProcess(record.id, process);
  context.repository.addEvent(record.id, 'resumed', 'goes on from its saved memory');
  await removeMemory(context, record, file);
};

/** A server that was killed just before it told the guest to go on. */
export const takeUpResume = async (context: VmsContext, record: VmRecord, run: VmRun): Promise<void> => {
  const { resumes, ...process } = run.process;
  if (resumes === undefined) return;
  if (resumes.goesOn && run.paused) {
    await ask('let the guest go on', goOn(run.monitors.control));
    run.paused = false;
  }
  context.repository.setProcess(record.id, process);
};

/** Of a VM that is still suspended: it was being given its memory, and its guest has not run. */
export const endUnfinished = async (
  context: VmsContext,
  record: VmRecord,
  identity: ProcessIdentity,
): Promise<void> => {
  await killProcess(identity);
  if (!(await waitForEnd(identity, endLimitMs)))
    throw new AppError('qemu-unresponsive', `The QEMU process ${identity.pid} does not end.`);
  context.repository.setProcess(record.id, null);
  context.repository.addEvent(
    record.id,
    'off',
    'Strata ended while it was being resumed; it is still suspended',
  );
};

const notSuspended = (record: VmRecord): AppError =>
  new AppError('vm-not-running', `The VM "${record.name}" is not suspended: there is no memory to give up.`);

/** The VM is off then, as if its power had failed when it was suspended. */
export const forgetMemory = async (context: VmsContext, id: string): Promise<void> => {
  const record = recordOf(context, id);
  if (record.suspended === null) throw notSuspended(record);
  askGuards(context, record, 'change');
  await exclusively(context, record, 'changing', async () => {
    const { suspended } = recordOf(context, id);
    if (suspended === null) throw notSuspended(record);
    context.repository.setSuspended(id, null);
    context.repository.addEvent(id, 'memory-forgotten', 'the next start boots');
    await removeMemory(context, record, suspended.file);
  });
};

/** What a suspended VM is made of must stay: its memory waits for exactly that. */
export const demandNotSuspended = (record: VmRecord, what: string): void => {
  if (record.suspended === null) return;
  throw new AppError(
    'vm-suspended',
    `The VM "${record.name}" is suspended: its memory waits for exactly the hardware and the disks it has. ${what} Resume it first, or forget its memory.`,
  );
};
