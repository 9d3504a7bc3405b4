import type { Vm } from '@strata/contract';
import type { ProcessIdentity } from '../../qemu/process-identity.ts';

/** What is kept of a definition beside its disks, which have rows of their own. */
export type StoredDefinition = Pick<
  Vm,
  | 'arch'
  | 'accelerator'
  | 'cpus'
  | 'memory'
  | 'firmware'
  | 'machine'
  | 'boot'
  | 'kernel'
  | 'nbdDisks'
  | 'media'
  | 'nics'
  | 'display'
  | 'audio'
  | 'serial'
  | 'tpm'
  | 'extraArgs'
  | 'autostart'
  | 'notes'
>;
export type DiskSettings = Pick<Vm['disks'][number], 'bus' | 'cache' | 'discard'>;
export interface StoredDisk extends DiskSettings {
  readonly id: string;
  readonly imageId: string;
}

/** A machine: all that a guest sees of its VM. */
export interface VmHardware {
  readonly definition: StoredDefinition;
  readonly disks: readonly StoredDisk[];
  /** Of a guest whose memory is kept as well: what it ran on, and whether it stood. */
  readonly ran?: { readonly accelerator: 'kvm' | 'tcg'; readonly paused: boolean };
}

/** The process of a VM, written down once it is known; enough to know it again after a restart of the server. */
export interface StoredProcess extends ProcessIdentity {
  readonly startedAt: string;
  readonly argv: readonly string[];
  /** Of the hardware it was started with: another one now means "changed since start". */
  readonly hardware: string;
  /** That hardware itself; left out of what a former version of Strata started. */
  readonly started?: VmHardware;
  /** It has taken a saved memory, and may not have been told yet to go on. */
  readonly resumes?: { readonly goesOn: boolean };
}

/** The memory that the next start of a VM continues from. */
export interface Suspended {
  /** File name below `vms/<id>/memory/`. */
  readonly file: string;
  readonly bytes: number;
  readonly at: string;
  /** The only hardware it fits. */
  readonly hardware: VmHardware;
}
export type LastFailure = NonNullable<Vm['lastFailure']>;

export interface VmRecord {
  readonly id: string;
  readonly uuid: string;
  readonly name: string;
  readonly definition: StoredDefinition;
  readonly disks: readonly StoredDisk[];
  readonly currentSnapshotId: string | null;
  readonly process: StoredProcess | null;
  readonly suspended: Suspended | null;
  readonly lastFailure: LastFailure | null;
  readonly createdAt: string;
}
