import { chmod, constants, copyFile, mkdir, rm } from 'node:fs/promises';
import { AppError } from '../../app-error.ts';
import { afterOnce } from '../../qemu/argv/boot-order.ts';
import type { Launch } from '../../qemu/argv/launch.types.ts';
import { findUefi } from '../../qemu/firmware.ts';
import { launchQemu } from '../../qemu/launcher.ts';
import { ask, askToQuit, type Monitors } from '../../qemu/monitors.ts';
import { killProcess, terminateProcess, waitForEnd } from '../../qemu/process-identity.ts';
import { announceLive, attach } from './vm-attach.ts';
import { checkBootDevice, hardwareOf } from './vm-definition.ts';
import { checkChain, checkKernel, checkMedia } from './vm-disks.ts';
import { commandOf, type StartWishes } from './vm-launch.ts';
import { checkSocketPaths, type VmPaths } from './vm-paths.ts';
import type { VmRecord } from './vm-record.types.ts';
import { asAsked, asSaved, demandNotSuspended, finishResume, isPaused, memoryToLoad } from './vm-resume.ts';
import type { VmRun } from './vm-run.ts';
import { keepPicture } from './vm-screenshots.ts';
import { askGuards, exclusively, pathsOf, recordOf, runOf, type VmsContext } from './vms.context.ts';

const usualShutdownSeconds = 60;
/** A QEMU that does not even take `quit` in this time is frozen. */
const quitLimitMs = 3_000;
/** One that has taken it may still have much to write. */
const flushLimitMs = 10_000;

/** Files may have changed since they were looked at: every header of the chains is read again before QEMU opens them. */
const checkImages = async (context: VmsContext, record: VmRecord): Promise<void> => {
  await context.images.refresh(
    record.definition.media.flatMap(({ imageId }) => (imageId === null ? [] : [imageId])),
  );
  for (const disk of record.disks) {
    await context.images.checkedChain(disk.imageId);
    checkChain(context, disk.imageId);
    checkUnshared(context, disk.imageId, record.id);
  }
  checkNbdUnshared(context, record);
  checkMedia(context, record.definition.media);
  await checkKernel(record.definition.kernel);
};

/** What a server serves it cannot know who writes: two VMs of ours must not write the same disk. */
const checkNbdUnshared = (context: VmsContext, record: VmRecord): void => {
  for (const { uri, readOnly } of record.definition.nbdDisks ?? [])
    for (const other of context.repository.all()) {
      if (other.id === record.id || !context.runs.has(other.id)) continue;
      const shared = other.definition.nbdDisks?.find((disk) => disk.uri === uri);
      if (shared === undefined || (shared.readOnly && readOnly)) continue;
      throw new AppError(
        'image-in-use',
        `The running VM “${other.name}” has the network disk ${uri} too, and one of them writes it.`,
        {
          usedBy: [{ kind: 'vm', id: other.id, name: other.name }],
        },
      );
    }
};

/** What something stands on must not be written, whoever made the overlay. */
const checkUnshared = (context: VmsContext, imageId: string, vmId: string): void => {
  const image = context.images.get(imageId);
  const stands = image.usedBy.filter(
    (use) =>
      use.kind === 'overlay' ||
      (use.kind === 'snapshot' && use.tag === undefined) ||
      use.kind === 'export' ||
      use.kind === 'inside' ||
      (use.kind === 'vm' && use.id !== vmId),
  );
  if (stands.length === 0) return;
  throw new AppError(
    'image-in-use',
    `The active layer "${image.name}" cannot be written: ${stands.map((use) => `${use.kind} "${use.name}"`).join(', ')} ${stands.length === 1 ? 'stands' : 'stand'} on it. Give the VM an overlay on it instead.`,
    { usedBy: stands },
  );
};

const prepareFolders = async (record: VmRecord, paths: VmPaths): Promise<void> => {
  checkSocketPaths(paths);
  await mkdir(paths.folder, { recursive: true, mode: 0o700 });
  await mkdir(paths.socketFolder, { recursive: true, mode: 0o700 });
  if (record.definition.firmware !== 'uefi') return;
  await copyFile(
    findUefi(record.definition.arch).varsTemplate,
    paths.uefiVars,
    constants.COPYFILE_EXCL,
  ).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  // The copy has the mode of its template, which everybody may read; keys of the guest are kept in it.
  await chmod(paths.uefiVars, 0o600);
};

/** The one-time device was for this boot: a reset of the guest shall find the usual order. */
const forgetOnce = async (monitors: Monitors, launch: Launch): Promise<void> => {
  for (const { device, property, bootindex } of afterOnce(launch))
    await ask(
      'restore the boot order',
      monitors.control.executeRaw('qom-set', {
        path: `/machine/peripheral/${device}`,
        property,
        value: bootindex,
      }),
    );
};

const launchRecord = async (
  context: VmsContext,
  now: VmRecord,
  wishes: StartWishes,
  signal: AbortSignal,
): Promise<void> => {
  const { suspended } = now;
  const record = suspended === null ? now : asSaved(now, suspended.hardware);
  if (suspended !== null && wishes.bootOnce !== undefined)
    demandNotSuspended(now, 'It goes on where it was, and boots from nothing.');
  checkBootDevice(
    wishes.bootOnce ?? null,
    { definition: record.definition, diskCount: record.disks.length },
    'bootOnce',
  );
  await checkImages(context, record);
  const paths = pathsOf(context, record);
  await prepareFolders(record, paths);
  const { binary, args, launch } = await commandOf(context, record, paths, {
    ...wishes,
    incoming: suspended !== null,
  });
  const { disks } = record;
  const definition = suspended === null ? record.definition : asAsked(record, suspended);
  const started = { hardware: hardwareOf(definition, disks), started: { definition, disks } };
  const { identity, monitors } = await launchQemu({
    binary,
    args,
    folder: paths.folder,
    logFile: paths.log,
    sockets: paths.sockets,
    signal,
    ...(suspended === null ? {} : { memory: await memoryToLoad(context, record, suspended) }),
  });
  context.repository.setFailure(record.id, null);
  const startedAt = new Date().toISOString();
  const run = attach(context, now, {
    ...{ ...identity, startedAt, argv: [binary, ...args], ...started },
    ...(suspended === null ? {} : { resumes: { goesOn: !(wishes.paused ?? isPaused(suspended)) } }),
  });
  run.take(monitors, launch.paused || launch.incoming);
  announceLive(context, record.id);
  if (suspended !== null) return finishResume(context, now, run, suspended);
  const { status } = await ask('say whether the guest runs', monitors.control.execute('query-status'));
  run.paused = status !== 'running';
  if (launch.boot.once !== null) {
    // A failure costs the usual order after a reset, not the start.
    await forgetOnce(monitors, launch).catch((error: unknown) =>
      context.repository.addEvent(record.id, 'boot-order', `stays for this run: ${String(error)}`),
    );
    const boot = { ...record.definition.boot, once: null };
    context.repository.setDefinition({ ...record, definition: { ...record.definition, boot } });
  }
  context.repository.addEvent(record.id, 'started', `process ${identity.pid}, ${launch.accelerator}`);
};

export const startVm = async (context: VmsContext, id: string, wishes: StartWishes): Promise<void> => {
  const record = recordOf(context, id);
  if (context.runs.has(id)) throw new AppError('vm-running', `The VM "${record.name}" is running already.`);
  askGuards(context, record, 'start');
  const cancel = new AbortController();
  const started = exclusively(context, record, 'starting', async () => {
    context.changed(id);
    try {
      await launchRecord(context, record, wishes, cancel.signal);
    } catch (error) {
      if (cancel.signal.aborted && !context.runs.has(id)) throw startCancelled(context, record);
      if (error instanceof AppError) noteFailure(context, id, error);
      throw error;
    }
  });
  if (!context.starts.has(id)) {
    const ended = started.catch(() => {}).finally(() => context.starts.delete(id));
    context.starts.set(id, { cancel, ended });
  }
  await started;
};

const startCancelled = (context: VmsContext, record: VmRecord): AppError => {
  context.repository.addEvent(record.id, 'start-cancelled', 'powered off while it was starting');
  return new AppError('vm-not-running', `The VM "${record.name}" was powered off while it was starting.`);
};

const noteFailure = (context: VmsContext, id: string, error: AppError): void => {
  context.repository.addEvent(id, 'start-failed', error.message);
  context.repository.setFailure(id, {
    at: new Date().toISOString(),
    code: error.code,
    message: error.message,
    stderr: error.extras.stderr ?? '',
  });
};

export const shutdownVm = async (context: VmsContext, id: string, timeoutSeconds?: number): Promise<void> => {
  const record = recordOf(context, id);
  const run = runOf(context, record);
  askGuards(context, record, 'resume');
  // A paused guest hears no button.
  if (run.paused) await ask('resume the guest', run.monitors.control.execute('cont'));
  await ask('press the power button', run.monitors.control.execute('system_powerdown'));
  run.beginShutdown(timeoutSeconds ?? usualShutdownSeconds);
  await keepPicture(context, record, run);
  context.changed(id);
};

/**
 * `quit` writes out what QEMU holds in memory. A QEMU whose monitor is out of reach gets SIGTERM, which does the same;
 * one that heeds neither is killed: exactly the process that was proved to be this VM's.
 */
const endProcess = async (context: VmsContext, record: VmRecord, run: VmRun): Promise<void> => {
  run.expectEnd();
  const willEnd = run.connected && (await askToQuit(run.monitors.control, quitLimitMs));
  if (!run.connected) await terminateProcess(run.process);
  if (!(await waitForEnd(run.process, willEnd ? flushLimitMs : run.connected ? 0 : quitLimitMs))) {
    context.repository.addEvent(record.id, 'killed', 'QEMU did not end by itself');
    await killProcess(run.process);
    if (!(await waitForEnd(run.process, flushLimitMs)))
      throw new AppError(
        'qemu-unresponsive',
        `The QEMU process ${run.process.pid} does not end, not even by SIGKILL: the kernel waits for a disk or a network share. It ends when that answers.`,
      );
  }
  await run.noticeEnd();
  await run.exited;
  await rm(pathsOf(context, record).socketFolder, { recursive: true, force: true });
};

export const poweroffVm = async (context: VmsContext, id: string): Promise<void> => {
  const record = recordOf(context, id);
  const start = context.starts.get(id);
  if (start !== undefined) {
    start.cancel.abort();
    await start.ended;
    if (!context.runs.has(id)) return;
  }
  const run = runOf(context, record);
  await exclusively(context, record, 'ending', async () => {
    context.changed(id);
    if (run.connected) await keepPicture(context, record, run);
    await endProcess(context, record, run);
  });
};

export const resetVm = async (context: VmsContext, id: string): Promise<void> => {
  const record = recordOf(context, id);
  const run = runOf(context, record);
  askGuards(context, record, 'resume');
  await ask('reset the VM', run.monitors.control.execute('system_reset'));
};

export const pauseVm = async (context: VmsContext, id: string): Promise<void> => {
  const record = recordOf(context, id);
  const run = runOf(context, record);
  askGuards(context, record, 'resume');
  await ask('pause the guest', run.monitors.control.execute('stop'));
  run.paused = true;
  context.changed(id);
};

export const resumeVm = async (context: VmsContext, id: string): Promise<void> => {
  const record = recordOf(context, id);
  const run = runOf(context, record);
  askGuards(context, record, 'resume');
  await ask('resume the guest', run.monitors.control.execute('cont'));
  run.paused = false;
  context.changed(id);
};
