import { z } from 'zod';
import { bytes } from './common.ts';

/** A partition of the disk that an image shows. What it calls itself was written by whoever partitioned the disk. */
export const partition = z.object({
  /** As Linux counts: the logical ones of an MBR begin with 5. */
  number: z.int(),
  kind: z.enum(['primary', 'extended', 'logical', 'gpt']),
  /** Of an MBR two hexadecimal digits, of a GPT a GUID. */
  type: z.string(),
  typeName: z.string().nullable(),
  /** In sectors. */
  start: z.number(),
  sectors: z.number(),
  /** In bytes. */
  offset: bytes,
  size: bytes,
  bootable: z.boolean(),
  label: z.string().nullable(),
  uuid: z.string().nullable(),
});
export type Partition = z.infer<typeof partition>;
