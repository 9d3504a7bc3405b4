import { AppError } from '../../app-error.ts';
import type { Config } from '../../config.ts';
import type { KvmVerdict } from '../../qemu/accelerators.ts';
import type { Capabilities } from '../../qemu/capabilities.ts';
import type { Events } from '../events/events.types.ts';
import type { ImagesService } from '../images/images.types.ts';
import { type VmPaths, vmPaths } from './vm-paths.ts';
import type { VmRecord } from './vm-record.types.ts';
import type { VmRun } from './vm-run.ts';
import type { VmsRepository } from './vms.repository.ts';

export type VmAction = 'start' | 'resume' | 'delete' | 'change';
export type VmGuard = (vmId: string, imageIds: readonly string[], action: VmAction) => AppError | null;

/** What the parts of this feature share. */
export interface VmsContext {
  readonly config: Config;
  readonly repository: VmsRepository;
  readonly images: ImagesService;
  readonly events: Events;
  readonly capabilities: Capabilities;
  readonly kvm: () => KvmVerdict;
  /** VMs with a QEMU process. */
  readonly runs: Map<string, VmRun>;
  /** VMs something is being done to: one thing at a time. */
  readonly busy: Map<string, 'starting' | 'ending' | 'changing'>;
  /** Starts under way: a power-off ends them. */
  readonly starts: Map<string, { readonly cancel: AbortController; readonly ended: Promise<void> }>;
  readonly guards: VmGuard[];
  readonly exitListeners: ((vmId: string) => void)[];
  readonly liveListeners: ((vmId: string) => void)[];
  /** Told when a guest agent has opened its channel. */
  readonly agentListeners: ((vmId: string) => void)[];
  /** Tells the pages that a VM has changed. */
  changed(vmId: string): void;
  /** The same, once for all changes of this moment and after what is under way: inside a transaction nothing is told. */
  changedSoon(vmId: string): void;
}

export const recordOf = (context: VmsContext, id: string): VmRecord => {
  const record = context.repository.find(id);
  if (record === null) throw new AppError('not-found', `There is no VM ${id}.`);
  return record;
};

export const pathsOf = (context: VmsContext, record: VmRecord): VmPaths =>
  vmPaths(context.config, record.id, record.definition.serial);

/** Throws `vm-not-running`. */
export const runOf = (context: VmsContext, record: VmRecord): VmRun => {
  const run = context.runs.get(record.id);
  if (run === undefined || run.ended)
    throw new AppError('vm-not-running', `The VM "${record.name}" is not running. Start it first.`);
  return run;
};

export const askGuards = (context: VmsContext, record: VmRecord, action: VmAction): void => {
  const imageIds = record.disks.map((disk) => disk.imageId);
  for (const guard of context.guards) {
    const error = guard(record.id, imageIds, action);
    if (error !== null) throw error;
  }
};

/** Runs `work` unless something else is being done to the VM: then throws `vm-busy`. */
export const exclusively = async <Result>(
  context: VmsContext,
  record: VmRecord,
  doing: 'starting' | 'ending' | 'changing',
  work: () => Promise<Result>,
): Promise<Result> => {
  const already = context.busy.get(record.id);
  if (already !== undefined)
    throw new AppError(
      'vm-busy',
      `The VM "${record.name}" is ${already === 'changing' ? 'being changed' : already}. Try again in a moment.`,
    );
  context.busy.set(record.id, doing);
  try {
    return await work();
  } finally {
    context.busy.delete(record.id);
    context.changed(record.id);
  }
};
