import type { ImageFormat } from '@strata/contract';
import type { QmpClient } from '@strata/qmp';
import type { LiveVm } from '../features/vms/vms.types.ts';

/** One layer as an engine has it open. */
export interface OpenLayer {
  /** Real path of the file. */
  readonly path: string;
  /** Valid now; names of implicit nodes change with every start. */
  readonly node: string;
  readonly format: string;
}

/** Enough to find a storage daemon again after a restart of the server. */
export interface DaemonIdentity {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: with the pid it names one process for ever. */
  readonly startTime: string;
  readonly socket: string;
}

/** A process that holds a chain open and can run block jobs on it: the VM's QEMU, or a storage daemon. */
export interface BlockEngine {
  readonly live: boolean;
  readonly qmp: QmpClient;
  /** Null for a VM. */
  readonly daemon: DaemonIdentity | null;
  /** The node-name of the layer at this path, asked anew each time: names of implicit nodes change. */
  nodeOf(path: string): Promise<string>;
  /** The node at the top of the opened chain. */
  topNode(): Promise<string>;
  /** The opened chain, top first, as the process has it now: what an operation is judged by afterwards. */
  chain(): Promise<OpenLayer[]>;
  /** Writes qcow2 metadata held in memory to the file: before a stream is finalized (qemu-recipes.md §3). */
  flush(path: string): Promise<void>;
  /** Resolves when the process is gone. */
  readonly exited: Promise<void>;
  /** Ends a storage daemon (`quit`, which flushes); does nothing to a VM. */
  close(): Promise<void>;
}

/** One layer of a chain to be opened; the format is the recorded one, never a guess. */
export interface ChainMember {
  readonly path: string;
  readonly format: ImageFormat;
}

export interface BlockEngines {
  /** The engine of a running VM's disk. Its QMP connection stays the VM's. */
  live(vm: LiveVm, diskId: string): BlockEngine;
  /**
   * Starts a storage daemon on a chain (top first). `id` names its socket, so that `findDaemon(id)` finds it again even when
   * the server died before it could write the identity down. Throws `image-locked`, `path-too-long`, `qemu-refused`, `tool-missing`.
   */
  openDaemon(request: {
    readonly id: string;
    readonly chain: readonly ChainMember[];
    /** Only so many, from the top: for one who holds these and reads nothing. */
    readonly layers?: number;
  }): Promise<BlockEngine>;
  /** Takes up a daemon that an earlier server started; null when that process is gone (or is another one by now). */
  adoptDaemon(identity: DaemonIdentity): Promise<BlockEngine | null>;
  /** The daemon that `openDaemon` once started under this id, if it still runs; else clears away what it left. */
  findDaemon(id: string): Promise<DaemonIdentity | null>;
}
