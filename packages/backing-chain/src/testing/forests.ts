import type { Forest, Layer } from '../forest.ts';

/** A layer of 1 MiB that differs from the usual one only in what a test is about. */
export const layerOf = (id: string, backingId: string | null, differs: Partial<Layer> = {}): Layer => ({
  id,
  name: `${id}.qcow2`,
  path: `/images/${id}.qcow2`,
  format: 'qcow2',
  virtualSize: 1024 ** 2,
  allocatedBytes: 0,
  backingId,
  backingState: backingId === null ? 'none' : 'ok',
  internalSnapshots: [],
  writable: true,
  present: true,
  ...differs,
});

export const forestWith = (layers: readonly Layer[], differs: Partial<Forest> = {}): Forest => ({
  layers: new Map(layers.map((layer) => [layer.id, layer])),
  disks: [],
  media: [],
  snapshots: [],
  operations: [],
  exports: [],
  trashed: [],
  complete: true,
  ...differs,
});

/** A disk of a VM that is off. */
export const diskOf = (
  vm: string,
  imageId: string,
  state: { running?: boolean; suspended?: boolean } = {},
) => ({
  vmId: vm,
  vmName: vm,
  diskId: `${vm}-disk`,
  imageId,
  running: state.running ?? false,
  suspended: state.suspended ?? false,
});
export const snapshotOf = (id: string, vm: string, imageId: string, internalTag?: string) => ({
  snapshotId: id,
  name: id,
  vmId: vm,
  vmName: vm,
  imageId,
  ...(internalTag === undefined ? {} : { internalTag }),
});
