import type { NbdTarget, Vm } from '@strata/contract';

export type BootDevice = Vm['boot']['order'][number];
export type DiskBus = Vm['disks'][number]['bus'];

export interface LaunchDisk {
  readonly id: string;
  /** Absolute; the chain below it is opened from the headers, which were checked before. */
  readonly path: string;
  readonly format: string;
  readonly bus: DiskBus;
  readonly cache: string;
  readonly discard: boolean;
}
/** A disk that an NBD server has. */
export interface LaunchNbdDisk {
  readonly id: string;
  readonly target: NbdTarget;
  /** With TLS: the folder with the client's keys. */
  readonly credentials: string | null;
  readonly readOnly: boolean;
  readonly bus: 'virtio' | 'scsi';
}
export interface LaunchMedium {
  readonly slot: string;
  readonly kind: 'cdrom' | 'floppy';
  readonly path: string | null;
}
export interface LaunchNic {
  readonly id: string;
  readonly mode: string;
  readonly model: string;
  readonly mac: string;
  readonly network?: string | undefined;
  readonly forwards: Vm['nics'][number]['forwards'];
}
export interface LaunchSockets {
  readonly control: string;
  readonly tools: string;
  readonly vnc: string;
  readonly agent: string;
  readonly serial: readonly string[];
}
/** A definition with everything looked up that lies outside it: images, firmware, sockets, the accelerator. */
export interface Launch {
  readonly uuid: string;
  readonly name: string;
  readonly arch: string;
  /** Versioned, never an alias. */
  readonly machine: string;
  readonly accelerator: 'kvm' | 'tcg';
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
  readonly firmware: { readonly code: string; readonly vars: string } | null;
  readonly boot: {
    readonly order: readonly BootDevice[];
    readonly menu: boolean;
    readonly once: BootDevice | null;
  };
  readonly kernel: Vm['kernel'];
  readonly disks: readonly LaunchDisk[];
  readonly nbdDisks?: readonly LaunchNbdDisk[];
  readonly media: readonly LaunchMedium[];
  readonly nics: readonly LaunchNic[];
  readonly display: string;
  readonly audio: string;
  readonly extraArgs: readonly string[];
  readonly sockets: LaunchSockets;
  /** Where QEMU itself keeps what the guest writes to each serial port, also while no server is there. */
  readonly serialLogs: readonly string[];
  readonly pidFile: string;
  /** Wait for `cont`. */
  readonly paused: boolean;
  /** Wait for the memory of a guest, and then for `cont`. */
  readonly incoming: boolean;
}
