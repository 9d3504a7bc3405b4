import { z } from 'zod';
import { blocker } from './chains.ts';
import { bytes, displayName, hostPath, useReserve } from './common.ts';

/** What QEMU can write; `vpc` is VHD. */
export const convertFormat = z.enum(['qcow2', 'raw', 'vpc', 'vhdx', 'vdi', 'vmdk']);
export type ConvertFormat = z.infer<typeof convertFormat>;

/** VHD, VHDX and VDI grow as they are written (`dynamic`), or take all of their size at once (`fixed`). */
export const convertSubformat = z.enum(['dynamic', 'fixed', 'monolithicSparse', 'streamOptimized']);
export type ConvertSubformat = z.infer<typeof convertSubformat>;

export const convertImageBody = z.strictObject({
  format: convertFormat,
  name: displayName,
  /** A folder of the library; that of the original when left out. */
  folder: hostPath.optional(),
  /** Of VHD, VHDX, VDI (dynamic, fixed) and VMDK (monolithicSparse, streamOptimized). */
  subformat: convertSubformat.optional(),
  /** Of qcow2. Null or left out: as it is. */
  compression: z.enum(['zlib', 'zstd']).nullable().optional(),
  /** Of qcow2: a power of two from 512 bytes to 2 MiB. */
  clusterSize: z
    .int()
    .min(512)
    .max(2 * 1024 ** 2)
    .refine((size) => Number.isInteger(Math.log2(size)), 'must be a power of 2')
    .optional(),
  /** Of qcow2 and raw. */
  preallocation: z.enum(['off', 'metadata', 'falloc', 'full']).optional(),
  /** Of VHD: exactly the size of the disk, as Azure and Hyper-V want it (the default), and not rounded up to whole cylinders. */
  forceSize: z.boolean().optional(),
  /** Answers what it would take, and makes nothing. */
  plan: z.literal(true).optional(),
  useReserve,
});
export type ConvertImage = z.infer<typeof convertImageBody>;
export type ConvertImageInput = z.input<typeof convertImageBody>;

export const convertForecast = z.object({
  /** Bytes of the file: at most, as far as it can be told before. */
  required: bytes,
  /** Were all of the disk written. */
  fullyAllocated: bytes,
  /** In the folder it would lie in, without the reserve; null: unknown. */
  free: bytes.nullable(),
  folder: z.string(),
  notes: z.array(z.string()),
  blockers: z.array(blocker),
});
export type ConvertForecast = z.infer<typeof convertForecast>;
