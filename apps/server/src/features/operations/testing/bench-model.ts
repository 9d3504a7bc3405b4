import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Model, ModelImage } from '@strata/backing-chain/testing';
import { createImage, createOverlay } from '../../../qemu/qemu-img.ts';
import { writeBlocks } from '../../../qemu/qemu-io.ts';
import type { Bench } from './chain-bench.ts';

const fileOf = (image: ModelImage): string => `${image.id}.${image.format}`;

/** qcow2 keeps the virtual size at byte 24; an overlay takes that of its backing unless it is told otherwise. */
const setVirtualSize = async (path: string, size: number): Promise<void> => {
  const file = await open(path, 'r+');
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(size));
  await file.write(bytes, 0, 8, 24);
  await file.close();
};

const buildImage = async (bench: Bench, model: Model, image: ModelImage): Promise<void> => {
  const path = bench.images.pathOf(fileOf(image));
  const size = image.length * model.clusterSize;
  const backing = model.images.find((other) => other.id === image.backing);
  if (backing === undefined) await createImage({ path, format: image.format, size });
  else {
    await createOverlay({ path, backing: fileOf(backing), backingFormat: backing.format });
    if (backing.length !== image.length) await setVirtualSize(path, size);
  }
  const writes = Object.entries(image.clusters).map(([cluster, pattern]) => ({
    offset: Number(cluster) * model.clusterSize,
    length: model.clusterSize,
    pattern,
  }));
  if (writes.length > 0) await writeBlocks({ path, format: image.format }, writes, join(path, '..'));
};

/** A model of the planners' own tests as real files, VMs and snapshots. Answers the id of each image. */
export const buildModel = async (bench: Bench, model: Model): Promise<(name: string) => string> => {
  for (const image of model.images) await buildImage(bench, model, image);
  await bench.images.scan();
  const idOf = (name: string): string => {
    const image = model.images.find((candidate) => candidate.id === name);
    if (image === undefined) throw new Error(`the model has no image ${name}`);
    return bench.images.idOf(fileOf(image));
  };
  for (const vm of model.vms)
    bench.vms.define(
      vm.id,
      vm.disks.map((disk) => idOf(disk.imageId)),
    );
  const insert = bench.db.prepare(
    `INSERT INTO snapshots (id, vm_id, name, kind, memory, consistency, created_at)
     VALUES (?, ?, ?, 'external', 0, 'crash', '')`,
  );
  const insertDisk = bench.db.prepare(
    'INSERT INTO snapshot_disks (snapshot_id, disk_id, image_id) VALUES (?, ?, ?)',
  );
  for (const snapshot of model.snapshots) {
    insert.run(snapshot.id, snapshot.vmId, snapshot.id);
    for (const disk of snapshot.disks) insertDisk.run(snapshot.id, disk.diskId, idOf(disk.imageId));
  }
  return idOf;
};
