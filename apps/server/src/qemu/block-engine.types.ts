import type { QmpClient } from '@strata/qmp';

/** A process that holds a chain open and can run block jobs on it: the VM's QEMU, or a storage daemon. */
export interface BlockEngine {
  readonly live: boolean;
  readonly qmp: QmpClient;
  /** Enough to find a storage daemon again after a restart of the server; null for a VM. */
  readonly daemon: { readonly pid: number; readonly startTime: string; readonly socket: string } | null;
  /** The node-name of the layer at this (real) path, asked anew each time: names of implicit nodes change. */
  nodeOf(path: string): Promise<string>;
  /** The node at the top of the opened chain. */
  topNode(): Promise<string>;
  /** Writes qcow2 metadata held in memory to the file: before a stream is finalized (qemu-recipes.md §3). */
  flush(path: string): Promise<void>;
  /** Resolves when the process is gone. */
  readonly exited: Promise<void>;
  /** Ends a storage daemon (`quit`, which flushes); does nothing to a VM. */
  close(): Promise<void>;
}
