import type { CommandLine, CreateVm, PatchVm, Vm, VmDeletionPlan, VmLog } from '@strata/contract';
import type { QmpClient } from '@strata/qmp';
import type { AppError } from '../../app-error.ts';
import type { GuestAgents } from './guest-agents.ts';
import type { VmCopies } from './vm-copies.ts';
import type { VmMemory } from './vm-memory.types.ts';
import type { VmMoments } from './vm-moments.ts';

/** A VM with a QEMU process, as the block engine needs it. */
export interface LiveVm {
  readonly vmId: string;
  readonly pid: number;
  /** The tools socket: jobs and block commands. The control socket stays free for power and state. */
  readonly qmp: QmpClient;
  /** Resolves when the process is gone. */
  readonly exited: Promise<void>;
  /** The `qdev` that `query-block` shows for a disk of the VM. */
  qdevOf(diskId: string): string;
}

export interface VmsService {
  list(): Vm[];
  /** Throws `not-found`. */
  get(id: string): Vm;
  create(definition: CreateVm): Promise<Vm>;
  patch(id: string, change: PatchVm): Promise<Vm>;
  delete(id: string, disks: 'keep' | 'delete'): Promise<void>;

  start(id: string, wishes?: { bootOnce?: string; paused?: boolean }): Promise<Vm>;
  /** Returns at once; the state is `stopping` until the guest is down or the time-out has passed. */
  shutdown(id: string, timeoutSeconds?: number): Promise<Vm>;
  poweroff(id: string): Promise<Vm>;
  reset(id: string): Promise<Vm>;
  pause(id: string): Promise<Vm>;
  resume(id: string): Promise<Vm>;

  /**
   * Null when no QEMU process of it runs. Throws `qemu-unresponsive` when one runs that cannot be reached, and
   * `vm-busy` while it starts.
   */
  live(id: string): LiveVm | null;
  /** The PNG of now, or of the last time; null when there never was one. */
  screenshot(id: string): Promise<Buffer | null>;
  /** The disks of a VM that is off hold another state now, which nobody has seen. A running VM is looked at anew. */
  forgetPicture(id: string): Promise<void>;

  readonly memory: VmMemory;

  /** Bookkeeping only, synchronous: to be called inside the transaction that records an operation's result. */
  setDiskImage(vmId: string, diskId: string, imageId: string): void;
  setCurrentSnapshot(vmId: string, snapshotId: string | null): void;
  currentSnapshot(vmId: string): string | null;
  readonly moments: VmMoments;
  readonly agents: GuestAgents;

  /** Others may forbid a start, a deletion or a change of disks (an unfinished operation): asked before anything is done. */
  addGuard(
    guard: (
      vmId: string,
      imageIds: readonly string[],
      action: 'start' | 'resume' | 'delete' | 'change',
    ) => AppError | null,
  ): void;
  /** Told after the process of a VM has ended, however it ended. */
  onExit(listener: (vmId: string) => void): void;
}

/** Where a running VM can be reached by consoles. */
export interface ConsolePlaces {
  /** Null when the VM has no display. */
  readonly vnc: string | null;
  readonly serial: readonly { readonly socket: string; readonly log: string }[];
}

/** What the routes of VMs, the consoles and the start of the server need beside {@link VmsService}. */
export interface VmsFeature extends VmsService {
  /** What goes with a VM and what stays. Touches nothing. */
  planDeletion(id: string, disks: 'keep' | 'delete'): Promise<VmDeletionPlan>;
  /** For new VMs made of this one: branches and duplicates. */
  readonly copies: VmCopies;
  preview(definition: CreateVm): Promise<CommandLine>;
  createDemo(name?: string): Promise<Vm>;
  commandLine(id: string): Promise<CommandLine>;
  keys(id: string, keys: readonly string[], holdMilliseconds?: number): Promise<void>;
  log(id: string): VmLog;
  /** Throws `vm-not-running` when there is none to give up. */
  forgetMemory(id: string): Promise<Vm>;
  insertMedium(id: string, slot: string, imageId: string | null, force: boolean): Promise<Vm>;

  /** Where its consoles are, whether it runs or not; throws `not-found`. */
  consolePlaces(id: string): ConsolePlaces;
  isLive(id: string): boolean;
  /** Told when a QEMU process was started or adopted. */
  onLive(listener: (vmId: string) => void): void;

  /**
   * At the start of the server, before operations are recovered: takes back the VMs that still run. `failed` is told
   * of each that could not even be looked at.
   */
  adopt(failed: (vm: { readonly name: string }, error: unknown) => void): Promise<void>;
  /** Resolves when the VM is off or its QEMU answers: at once, unless it was found alive and out of reach. */
  settled(id: string): Promise<void>;
  /** After everything is ready: the VMs that shall start with Strata. */
  autostart(): Promise<void>;
  /** Lets go of all VMs; they run on. */
  close(): void;
}
