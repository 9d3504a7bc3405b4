import { z } from 'zod';
import { blocker } from './chains.ts';
import { bytes, diskSizeInput, displayName, id, maxImageSize, sizeInput } from './common.ts';
import { partition } from './partitions.ts';

/** `"+2G"`: so much more than now. */
const moreInput = z
  .string()
  .regex(/^\+[1-9][0-9]{0,12}[KMGT]$/)
  .refine((text) => sizeInput.safeParse(text.slice(1)).data !== undefined)
  .transform((text) => ({ more: sizeInput.parse(text.slice(1)) }))
  .refine(({ more }) => more <= maxImageSize);

export const resizeImageBody = z.strictObject({
  size: z
    .union([diskSizeInput, moreInput], {
      error:
        'must be bytes as a whole number, a string like "20G", or one like "+2G"; a multiple of 512, at most 64 TiB',
    })
    .meta({ description: 'The new size of the disk: bytes, "20G", or "+2G" for so much more' }),
  /** Without it the disk is never made smaller. */
  shrink: z.boolean().optional(),
  /** The name of the image: what no partition table speaks of may be cut off, although it holds data. */
  confirm: displayName.optional(),
  /** Answers what would be done, and touches nothing. */
  plan: z.literal(true).optional(),
  /** Of the plan that was looked at. */
  fingerprint: z.string().max(100).optional(),
});
export type ResizeImage = z.infer<typeof resizeImageBody>;
export type ResizeImageInput = z.input<typeof resizeImageBody>;

export const resizePlan = z.object({
  fingerprint: z.string(),
  imageId: id,
  /** By the QEMU of the VM that runs on it. */
  live: z.boolean(),
  before: bytes,
  after: bytes,
  /** Null: a running VM writes the disk, so that its table is not looked at. */
  table: z
    .object({
      scheme: z.enum(['none', 'mbr', 'gpt']),
      sectorSize: z.int(),
      partitions: z.array(partition),
      problems: z.array(z.string()),
    })
    .nullable(),
  /** In bytes from the beginning of the disk; null: there are none, or they are not known. */
  partitionsEnd: bytes.nullable(),
  lastPartition: partition.nullable(),
  /** A disk smaller than this would lose something of its partitions or their table. */
  smallest: bytes.nullable(),
  /** Bytes that the image holds in what would be cut off. */
  cutBytes: bytes,
  /** Nothing tells whose these are: cutting them off needs `confirm`. */
  needsConfirm: z.boolean(),
  /** What is to be done, in which order, inside the VM and here. */
  order: z.array(z.string()),
  notes: z.array(z.string()),
  blockers: z.array(blocker),
  commands: z.array(z.string()),
});
export type ResizePlan = z.infer<typeof resizePlan>;
