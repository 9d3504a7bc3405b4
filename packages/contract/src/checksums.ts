import { z } from 'zod';
import { bytes, id, time } from './common.ts';

/** SHA-1 and MD5 only because old lists have nothing else: they prove no more than that nothing broke on the way. */
export const checksumAlgorithm = z.enum(['sha256', 'sha512', 'sha1', 'md5']);
export type ChecksumAlgorithm = z.infer<typeof checksumAlgorithm>;

/** A checksum of the file of an image as it was at that moment. */
export const imageChecksum = z.object({
  algorithm: checksumAlgorithm,
  /** Lower-case hexadecimal. */
  value: z.string(),
  at: time,
  /** Whether it is the sum that was expected; null: it has been compared with nothing. */
  verified: z.boolean().nullable(),
  /** Why it says nothing about the file of now; null: the file is still the one it was computed of. */
  void: z.string().nullable(),
});
export type ImageChecksum = z.infer<typeof imageChecksum>;

export const checksumImageBody = z
  .strictObject({
    /** Left out: that of the expected sum, or SHA-256. */
    algorithms: z.array(checksumAlgorithm).min(1).max(4).optional(),
    /** A sum, or the text of a list of sums (`SHA256SUMS`). Its algorithm is computed even if it is not asked for. */
    expected: z.string().trim().min(1).max(60_000).optional(),
  })
  .prefault({});
export type ChecksumImage = z.infer<typeof checksumImageBody>;

/** The result of the operation. */
export const checksumResult = z.object({
  imageId: id,
  checksums: z.partialRecord(checksumAlgorithm, z.string()),
  /** Null: nothing was expected. */
  verified: z.boolean().nullable(),
  /** Of the file. */
  bytes,
  /** What that means, for a person. */
  words: z.string(),
});
export type ChecksumResult = z.infer<typeof checksumResult>;
