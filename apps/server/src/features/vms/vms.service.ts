import type { CreateVm, PatchVm, Vm } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import type { Config } from '../../config.ts';
import type { Db } from '../../db/open-database.ts';
import { type KvmVerdict, kvmOnHost } from '../../qemu/accelerators.ts';
import type { Capabilities } from '../../qemu/capabilities.ts';
import { ask } from '../../qemu/monitors.ts';
import type { Events } from '../events/events.types.ts';
import type { ImagesService } from '../images/images.types.ts';
import { createDemo } from './demo/demo.ts';
import { createGuestAgents } from './guest-agents.ts';
import { adoptVms } from './vm-adoption.ts';
import { createVm, patchVm, previewVm } from './vm-changes.ts';
import { createVmCopies } from './vm-copies.ts';
import { deleteVm, planVmDeletion } from './vm-deletion.ts';
import { commandOf, toCommandLine } from './vm-launch.ts';
import { pauseVm, poweroffVm, resetVm, resumeVm, shutdownVm, startVm } from './vm-lifecycle.ts';
import { logOf } from './vm-log.ts';
import { changeMedium } from './vm-media.ts';
import { createVmMemory } from './vm-memory.ts';
import { createVmMoments } from './vm-moments.ts';
import { forgetMemory } from './vm-resume.ts';
import { forgetPicture, screenshotOf } from './vm-screenshots.ts';
import { diskUses, flushImage, mediaUses, qdevOf } from './vm-uses.ts';
import { toVm } from './vm-view.ts';
import { pathsOf, recordOf, runOf, type VmsContext } from './vms.context.ts';
import { createVmsRepository } from './vms.repository.ts';
import type { VmsFeature } from './vms.types.ts';

export interface VmsParts {
  readonly config: Config;
  readonly db: Db;
  readonly images: ImagesService;
  readonly events: Events;
  readonly capabilities: Capabilities;
  /** Whether KVM can run guests here; asked anew for each answer unless told otherwise. */
  readonly kvm?: () => KvmVerdict;
}

/** A verdict costs opening a device and reading a file: good for a short time, a mended host is noticed soon. */
const remembered = (verdict: () => KvmVerdict, forMs: number): (() => KvmVerdict) => {
  let last: { at: number; verdict: KvmVerdict } | null = null;
  return () => {
    if (last === null || performance.now() - last.at > forMs)
      last = { at: performance.now(), verdict: verdict() };
    return last.verdict;
  };
};

const createContext = (parts: VmsParts): VmsContext => {
  const repository = createVmsRepository(parts.db);
  const changedNow = new Set<string>();
  const context: VmsContext = {
    ...parts,
    repository,
    kvm: remembered(parts.kvm ?? (() => kvmOnHost()), 5_000),
    runs: new Map(),
    busy: new Map(),
    starts: new Map(),
    guards: [],
    exitListeners: [],
    liveListeners: [],
    agentListeners: [],
    changed: (vmId) => {
      const record = repository.find(vmId);
      if (record === null) return;
      parts.events.publish({ type: 'vm', id: vmId, change: 'updated', data: toVm(context, record) });
    },
    changedSoon: (vmId) => {
      if (changedNow.has(vmId)) return;
      changedNow.add(vmId);
      setImmediate(() => {
        changedNow.delete(vmId);
        // The server may have ended meanwhile.
        if (parts.db.open) context.changed(vmId);
      });
    },
  };
  return context;
};

const sendKeys = async (
  context: VmsContext,
  id: string,
  keys: readonly string[],
  holdMilliseconds?: number,
): Promise<void> => {
  const run = runOf(context, recordOf(context, id));
  await ask(
    `press ${keys.join(' + ')}`,
    run.monitors.control.executeRaw('send-key', {
      keys: keys.map((data) => ({ type: 'qcode', data })),
      ...(holdMilliseconds === undefined ? {} : { 'hold-time': holdMilliseconds }),
    }),
  );
};

export const createVmsService = (parts: VmsParts): VmsFeature => {
  const context = createContext(parts);
  const { repository, images } = context;
  const get = (id: string): Vm => toVm(context, recordOf(context, id));
  const created = (id: string): Vm => {
    const vm = get(id);
    context.events.publish({ type: 'vm', id, change: 'created', data: vm });
    return vm;
  };
  const after = async (id: string, work: Promise<void>): Promise<Vm> => {
    await work;
    return get(id);
  };

  const moments = createVmMoments(context);
  images.addUseSource({ disks: () => diskUses(context), media: () => mediaUses(context) });
  images.setFlusher((imageId) => flushImage(context, imageId));

  return {
    list: () => repository.all().map((record) => toVm(context, record)),
    get,
    create: async (definition: CreateVm) => created(await createVm(context, definition)),
    createDemo: async (name) => created(await createDemo(context, parts.db, name)),
    copies: createVmCopies(context, (id) => {
      if (repository.find(id) !== null) created(id);
    }),
    preview: (definition) => previewVm(context, definition),
    patch: (id, change: PatchVm) => after(id, patchVm(context, id, change)),
    delete: (id, disks) => deleteVm(context, id, disks),
    planDeletion: (id, disks) => planVmDeletion(context, id, disks),

    start: (id, wishes = {}) => after(id, startVm(context, id, wishes)),
    shutdown: (id, timeoutSeconds) => after(id, shutdownVm(context, id, timeoutSeconds)),
    poweroff: (id) => after(id, poweroffVm(context, id)),
    reset: (id) => after(id, resetVm(context, id)),
    pause: (id) => after(id, pauseVm(context, id)),
    resume: (id) => after(id, resumeVm(context, id)),

    keys: (id, keys, holdMilliseconds) => sendKeys(context, id, keys, holdMilliseconds),
    log: (id) => logOf(context, id),
    insertMedium: (id, slot, imageId, force) => after(id, changeMedium(context, id, slot, imageId, force)),
    screenshot: (id) => screenshotOf(context, id),
    forgetPicture: (id) => forgetPicture(context, recordOf(context, id)),
    commandLine: async (id) => {
      const record = recordOf(context, id);
      const started = context.runs.get(id)?.process.argv ?? [];
      if (started.length > 0) return toCommandLine(started);
      const { binary, args } = await commandOf(context, record, pathsOf(context, record));
      return toCommandLine([binary, ...args]);
    },

    memory: createVmMemory(context, moments),
    forgetMemory: (id) => after(id, forgetMemory(context, id)),
    live: (id) => {
      const run = context.runs.get(id);
      if (run === undefined && context.busy.get(id) === 'starting')
        throw new AppError('vm-busy', 'The VM is starting. Try again in a moment.');
      if (run === undefined || run.ended) return null;
      // "Off" would be a lie that costs the guest its disks: an unreachable one throws.
      void run.monitors;
      return {
        vmId: id,
        pid: run.process.pid,
        get qmp() {
          return run.monitors.tools;
        },
        exited: run.exited,
        qdevOf: (diskId) => qdevOf(recordOf(context, id), diskId),
      };
    },
    isLive: (id) => context.runs.has(id),
    consolePlaces: (id) => {
      const record = recordOf(context, id);
      const { sockets, serialLogs } = pathsOf(context, record);
      return {
        vnc: record.definition.display === 'none' ? null : sockets.vnc,
        serial: sockets.serial.map((socket, port) => ({ socket, log: serialLogs[port] ?? '' })),
      };
    },

    setDiskImage: (vmId, diskId, imageId) => {
      repository.setDiskImage(vmId, diskId, imageId);
      context.changedSoon(vmId);
    },
    setCurrentSnapshot: (vmId, snapshotId) => {
      repository.setCurrentSnapshot(vmId, snapshotId);
      context.changedSoon(vmId);
    },
    currentSnapshot: (vmId) => recordOf(context, vmId).currentSnapshotId,
    moments,
    agents: createGuestAgents(context),

    addGuard: (guard) => void context.guards.push(guard),
    onExit: (listener) => void context.exitListeners.push(listener),
    onLive: (listener) => void context.liveListeners.push(listener),

    adopt: (failed) => adoptVms(context, failed),
    settled: async (id) => {
      const run = context.runs.get(id);
      if (run !== undefined) await run.settled;
    },
    autostart: async () => {
      for (const record of repository.all())
        if (record.definition.autostart && !context.runs.has(record.id))
          // What kept it from starting is in its log and shown on its page; the others start all the same.
          await startVm(context, record.id, {}).catch(() => {});
    },
    close: () => {
      for (const run of context.runs.values()) run.release();
      context.runs.clear();
    },
  };
};
