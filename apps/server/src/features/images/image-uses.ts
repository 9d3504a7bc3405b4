import type { DiskUse, ExportUse, MediaUse, OperationUse, SnapshotUse } from '@strata/backing-chain';
import type { ImageUse } from '@strata/contract';
import type { UseSource } from './images.types.ts';

/** What stands on images at one moment, as the features that know tell it. */
export interface Uses {
  readonly disks: readonly DiskUse[];
  readonly media: readonly MediaUse[];
  readonly snapshots: readonly SnapshotUse[];
  readonly operations: readonly OperationUse[];
  readonly exports: readonly ExportUse[];
  readonly byImage: ReadonlyMap<string, readonly ImageUse[]>;
}

export const collectUses = (sources: readonly UseSource[]): Uses => {
  const disks = sources.flatMap((source) => source.disks?.() ?? []);
  const media = sources.flatMap((source) => source.media?.() ?? []);
  const snapshots = sources.flatMap((source) => source.snapshots?.() ?? []);
  const operations = sources.flatMap((source) => source.operations?.() ?? []);
  const exports = sources.flatMap((source) => source.exports?.() ?? []);
  const byImage = new Map<string, ImageUse[]>();
  const add = (imageId: string, use: ImageUse): void => {
    const uses = byImage.get(imageId) ?? [];
    if (!uses.some(({ kind, id }) => kind === use.kind && id === use.id)) uses.push(use);
    byImage.set(imageId, uses);
  };
  for (const use of [...disks, ...media]) add(use.imageId, { kind: 'vm', id: use.vmId, name: use.vmName });
  for (const { imageId, snapshotId, name, internalTag } of snapshots)
    add(imageId, {
      ...{ kind: 'snapshot', id: snapshotId, name },
      ...(internalTag === undefined ? {} : { tag: internalTag }),
    });
  for (const use of operations) add(use.imageId, { kind: 'operation', id: use.operationId, name: use.title });
  for (const use of exports)
    add(use.imageId, { kind: use.kind ?? 'export', id: use.exportId, name: use.name });
  return { disks, media, snapshots, operations, exports, byImage };
};

export type Taint = ReturnType<NonNullable<UseSource['taints']>>[number];

export const collectTaints = (sources: readonly UseSource[]): ReadonlyMap<string, Taint> =>
  new Map(sources.flatMap((source) => source.taints?.() ?? []).map((taint) => [taint.imageId, taint]));

export const collectMaking = (sources: readonly UseSource[]): ReadonlySet<string> =>
  new Set(sources.flatMap((source) => source.making?.() ?? []));
