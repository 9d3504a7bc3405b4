import { access, constants } from 'node:fs/promises';
import { AppError } from '../../app-error.ts';
import { saveMemory } from '../../qemu/memory-save.ts';
import { endMigration, goOn, standsSaved, takeDisksBack } from '../../qemu/migration.ts';
import { ask } from '../../qemu/monitors.ts';
import { draftPath, keepMemory, makeMemoryFolder, memoryPath, removeMemory } from './memory-files.ts';
import { effectiveAccelerator } from './vm-launch.ts';
import type { VmMemory } from './vm-memory.types.ts';
import type { VmMoments } from './vm-moments.ts';
import type { VmHardware, VmRecord } from './vm-record.types.ts';
import { pathsOf, recordOf, runOf, type VmsContext } from './vms.context.ts';

/** A guest that is this busy is stopped to finish: the file would grow without an end. */
const mostWritten = 2;

const acceleratorOf = (context: VmsContext, record: VmRecord): 'kvm' | 'tcg' => {
  const { argv } = runOf(context, record).process;
  const given = argv[argv.indexOf('-accel') + 1];
  return given === 'kvm' || given === 'tcg' ? given : effectiveAccelerator(context, record.definition).kind;
};
const isEmulated = (context: VmsContext, record: VmRecord): boolean =>
  acceleratorOf(context, record) === 'tcg';

const fittingHardware = (context: VmsContext, record: VmRecord, now: VmHardware | null): VmHardware => {
  const run = runOf(context, record);
  if (now === null)
    throw new AppError(
      'not-possible',
      `The hardware of "${record.name}" was changed since it was started, and nobody knows any more what it was: its memory would fit nothing. Shut it down and start it again first.`,
    );
  return { ...now, ran: { accelerator: acceleratorOf(context, record), paused: run.paused } };
};

/** QEMU's own way where the QEMU that runs is the one that was asked. */
const writesItself = async (context: VmsContext, record: VmRecord): Promise<boolean> => {
  const target = await context.capabilities.target(record.definition.arch).catch(() => null);
  return (
    target?.memoryFiles === true && target.version === runOf(context, record).monitors.tools.version.text
  );
};

export const createVmMemory = (context: VmsContext, moments: VmMoments): VmMemory => {
  const record = (vmId: string): VmRecord => recordOf(context, vmId);
  const tools = (vmId: string) => runOf(context, record(vmId)).monitors.tools;
  return {
    hardware: (vmId) => fittingHardware(context, record(vmId), moments.now(vmId)),
    save: async (vmId, { file, stopAfterSeconds, signal, progress }) => {
      const vm = record(vmId);
      await makeMemoryFolder(context, vm);
      return saveMemory(tools(vmId), {
        path: draftPath(context, vm, file),
        socket: pathsOf(context, vm).memorySocket,
        direct: await writesItself(context, vm),
        stopFirst: isEmulated(context, vm),
        stopAfterMs: stopAfterSeconds * 1000,
        stopAfterBytes: vm.definition.memory * mostWritten,
        signal,
        progress,
      });
    },
    goOn: (vmId) => ask('let the guest go on', goOn(tools(vmId))),
    stayPaused: (vmId) => ask('take the disks back', takeDisksBack(tools(vmId))),
    standsSaved: async (vmId) => {
      const qmp = tools(vmId);
      await ask('end the save of the memory', endMigration(qmp));
      return ask('say whether the guest runs', standsSaved(qmp));
    },
    keep: (vmId, file) => keepMemory(context, record(vmId), file),
    has: (vmId, file) =>
      access(memoryPath(context, record(vmId), file), constants.R_OK).then(
        () => true,
        () => false,
      ),
    pathOf: (vmId, file) => memoryPath(context, record(vmId), file),
    remove: async (vmId, file) => {
      const vm = context.repository.find(vmId);
      if (vm !== null) await removeMemory(context, vm, file);
    },
    suspended: (vmId) => record(vmId).suspended,
    setSuspended: (vmId, suspended) => {
      context.repository.setSuspended(vmId, suspended);
      context.changedSoon(vmId);
    },
  };
};
