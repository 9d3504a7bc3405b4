import type { ChainPlan, LayerId } from '@strata/backing-chain';
import type { ImageFormat } from '@strata/contract';
import type { BlockEngines, DaemonIdentity } from '../../../qemu/block-engine.types.ts';
import type { ImagesService } from '../../images/images.types.ts';
import type { VmsService } from '../../vms/vms.types.ts';

/** One layer as it was when the plan was made. */
export interface RunLayer {
  readonly name: string;
  readonly path: string;
  readonly format: ImageFormat;
  readonly virtualSize: number;
}

/** A planned chain operation, whole: a later run needs nothing that may have changed since. */
export interface ChainRun {
  readonly plan: ChainPlan;
  /** Every layer the plan names. */
  readonly layers: Readonly<Record<LayerId, RunLayer>>;
}

/** What has to be known of the process that does the copying, to find it again. */
export interface EngineJournal {
  readonly daemon: DaemonIdentity | null;
}

/** The bookkeeping of snapshots, synchronous: called inside the transaction that records a result. */
export interface SnapshotBooks {
  /** The restore point shows another layer of the same content. */
  repoint(snapshotId: string, from: LayerId, to: LayerId): void;
  /** The restore point is gone; those taken after it now follow the one before it. */
  lose(snapshotId: string): void;
}

export interface ExecutorDeps {
  readonly images: ImagesService;
  readonly vms: VmsService;
  readonly engines: BlockEngines;
  readonly snapshots: SnapshotBooks;
}
