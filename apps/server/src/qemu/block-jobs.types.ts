/** A job that runs, for whoever holds the operation's buttons. */
export interface BlockJobControls {
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Bytes a second; 0 is unlimited. */
  setSpeed(bytesPerSecond: number): Promise<void>;
}

/** How the caller follows a job. */
export interface JobFollow {
  /** Once, as soon as the job exists (newly started or taken up again). */
  started?(controls: BlockJobControls): void;
  /** At most every 250 ms. For an active commit `total` grows as the guest writes. */
  progress?(done: number, total: number): void;
  /** `no-space`: QEMU paused the job by itself; freeing space and `resume` continues it. Null: it goes on. */
  paused?(reason: 'no-space' | null): void;
  /** Aborting cancels the job, as long as it has not come to `finalizing`. */
  readonly cancelled?: AbortSignal;
  /**
   * All data is copied; the backing link is about to change. The journal is written here. From here on
   * `cancelled` is ignored. (Not called by `untilReady`: an active commit changes nothing before the pivot.)
   */
  finalizing?(): void | Promise<void>;
}

/** `nothing-to-do`: the link was already as wanted, QEMU made no job of it. */
export type JobEnd = 'done' | 'cancelled' | 'nothing-to-do';

/**
 * All paths are absolute. The job id belongs to the operation (`[A-Za-z][A-Za-z0-9._-]*`): a call with the id of a job that is
 * already there takes that job up instead of starting one, so every function here can be called again after a crash.
 */
export interface CommitRequest {
  readonly jobId: string;
  /** The highest layer that goes down; not the active one. */
  readonly top: string;
  /** The layer that takes the data. */
  readonly base: string;
  /** The layer directly above `top` gets this into its header: relative to *its* folder. */
  readonly backingFile: string;
  /** Bytes a second; 0 or left out: unlimited. */
  readonly speed?: number;
}

export interface ActiveCommitRequest {
  readonly jobId: string;
  /** The active layer. */
  readonly top: string;
  readonly base: string;
  readonly speed?: number;
}

/** A disk that writes `top` and whose job is ready to let it continue on `base`. */
export type PivotRequest = Pick<ActiveCommitRequest, 'jobId' | 'top' | 'base'>;

export interface MirrorRequest {
  readonly jobId: string;
  /** The active layer. */
  readonly from: string;
  /** An empty file of the same size and format that nobody has open; a qcow2 names the same backing in its header. */
  readonly to: string;
  readonly format: 'qcow2' | 'raw';
  /** The layer below; null: none. */
  readonly backing: string | null;
  /** Whether the disk passes discards on. */
  readonly discard: boolean;
  readonly speed?: number;
}

export interface PullRequest {
  readonly jobId: string;
  readonly into: string;
  /** The layer `into` stands on afterwards; null: on none. */
  readonly base: string | null;
  /** How the header of `into` names `base`, relative to the folder of `into`; null exactly when `base` is. */
  readonly backingFile: string | null;
  readonly speed?: number;
}

/** What the caller writes down around a pivot. */
export interface PivotJournal {
  /** Before the VM is stopped: whether it has to run again afterwards. Always false offline. */
  intend(vmWasRunning: boolean): void | Promise<void>;
  /** The disk continues on `base`: in one transaction. Both files read the same at this moment. */
  persist(): void | Promise<void>;
  /** It is known that the switch did not happen: the VM writes on as before. */
  undone?(): void;
}
