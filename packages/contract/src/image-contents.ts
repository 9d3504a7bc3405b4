import { z } from 'zod';
import { bytes, id, problem } from './common.ts';
import { endpoint } from './endpoint.ts';
import { image, imageFormat } from './images.ts';
import { partition } from './partitions.ts';

/** What begins at a place of a disk. Names and labels were written by strangers; nothing in them is a control character. */
export const fileSystem = z.object({
  kind: z.string(),
  /** Of LVM the volume group, of ZFS the pool. */
  label: z.string().nullable(),
  /** As its own tools write it; of FAT and NTFS the serial number. */
  uuid: z.string().nullable(),
  /** As it says itself. */
  size: bytes.nullable(),
  notes: z.array(z.string()),
});
export type FileSystem = z.infer<typeof fileSystem>;

const scheme = z.enum(['none', 'mbr', 'gpt']);

/** A partition with what is in it. */
export const filledPartition = partition.extend({
  /** The name in a GPT, which is not that of its file system. */
  name: z.string().nullable(),
  fileSystem: z.string().nullable(),
  /** Of its file system. */
  label: z.string().nullable(),
  /** What its file system is in full; null: nothing that is known. */
  content: fileSystem.nullable(),
});
export type FilledPartition = z.infer<typeof filledPartition>;

export const partitionList = z.object({
  scheme,
  sectorSize: z.int(),
  items: z.array(filledPartition),
  problems: z.array(z.string()),
});
export type PartitionList = z.infer<typeof partitionList>;

export const diskContents = partitionList.extend({
  /** What begins with the first byte: a disk without partitions, or an ISO. */
  whole: fileSystem.nullable(),
  /** Ways in which its firmware could start it, with what speaks for each. */
  boot: z.array(z.object({ firmware: z.enum(['bios', 'uefi']), by: z.string() })),
  /** A guess, and what it was made from. */
  system: z.object({ name: z.string(), why: z.string() }).nullable(),
  /** Where something would lie there are only zeros. */
  blank: z.boolean(),
});
export type DiskContents = z.infer<typeof diskContents>;

/** What the file of a layer says of itself. */
export const layerFacts = z.object({
  imageId: id,
  name: z.string(),
  path: z.string(),
  format: imageFormat,
  virtualSize: bytes,
  allocatedSize: bytes,
  /** Length of the file; null: it is gone or cannot be read. */
  fileSize: bytes.nullable(),
  /** The program that made it, where its format has a place for that. */
  creator: z.string().nullable(),
  /** How it was made: cluster size, compression, what else its header tells. */
  settings: z.array(z.object({ name: z.string(), value: z.string() })),
  backing: image.shape.backing,
  internalSnapshots: z.int(),
  problems: z.array(problem),
});
export type LayerFacts = z.infer<typeof layerFacts>;

export const imageContents = z.object({
  imageId: id,
  /** Top first, as far down as it can be followed. */
  layers: z.array(layerFacts),
  /** What the disk holds that the image shows through all its layers; null: it could not be looked at. */
  disk: diskContents.nullable(),
  /** Why it could not be looked at. */
  unread: z.string().nullable(),
});
export type ImageContents = z.infer<typeof imageContents>;

const params = z.strictObject({ id });

export const imageContentsEndpoints = {
  getImagePartitions: endpoint({
    method: 'GET',
    path: '/images/:id/partitions',
    summary: 'The partitions of the disk that the image shows, with offsets in bytes and what is in each',
    params,
    responses: { 200: partitionList },
  }),
  getImageContents: endpoint({
    method: 'GET',
    path: '/images/:id/contents',
    summary: 'What the image is: every layer as its file says, what the disk holds, whether it boots',
    params,
    responses: { 200: imageContents },
  }),
};
