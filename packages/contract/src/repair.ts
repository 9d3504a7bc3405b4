import { z } from 'zod';
import { bytes, hostPath, id, problem, time } from './common.ts';
import { image, imageFormat } from './images.ts';
import { operation } from './operations.ts';

export const repairKind = z.enum([
  /** Point the overlay to where its backing is now. */
  'relink',
  /** Take the backing file into the library, where it lies. */
  'register-backing',
  /** Write the format of the backing into the header. */
  'record-format',
  /** Take the link out of the header: the image stands on nothing. */
  'cut',
  /** Nothing is written: the image is no problem any more because its owner says so. */
  'leave-alone',
  /** `POST /images/:id/check` with this `repair`. */
  'check',
]);
export type RepairKind = z.infer<typeof repairKind>;

/** One reason to take a file for the lost backing, or not to. */
export const repairEvidence = z.object({ weight: z.enum(['for', 'against', 'neutral']), text: z.string() });
export type RepairEvidence = z.infer<typeof repairEvidence>;

export const relinkCandidate = z.object({
  /** Null: not in the library yet. */
  imageId: id.nullable(),
  path: z.string(),
  name: z.string(),
  format: imageFormat,
  virtualSize: bytes,
  /** `proven`: it is the lost file, as Strata remembers it. Anything else needs the word of a person. */
  verdict: z.enum(['proven', 'likely', 'possible', 'unlikely']),
  /** Strongest first. */
  evidence: z.array(repairEvidence),
  /** Why the overlay cannot stand on it; null: it can. */
  impediment: z.string().nullable(),
});
export type RelinkCandidate = z.infer<typeof relinkCandidate>;

export const imageRepair = z.object({
  kind: repairKind,
  /** The code of the problem that it mends. */
  problem: z.string(),
  title: z.string(),
  /** What is done, and what that means for what the image shows. */
  means: z.string(),
  /** Why it cannot be done now; null: it can. */
  impediment: z.string().nullable(),
  /** With `record-format`: what Strata takes the backing for, and whether nothing else would fit. */
  format: imageFormat.optional(),
  certain: z.boolean().optional(),
  /** With `check`: what is repaired; nothing: it is only looked. */
  repair: z.enum(['leaks', 'all']).optional(),
  /** With `relink`, best first. */
  candidates: z.array(relinkCandidate).optional(),
  /** With `relink`: the other overlays that have lost the same file. Those without an impediment are relinked with it. */
  others: z.array(z.object({ imageId: id, name: z.string(), impediment: z.string().nullable() })).optional(),
});
export type ImageRepair = z.infer<typeof imageRepair>;

export const imageRepairs = z.object({
  imageId: id,
  problems: z.array(problem),
  leftAlone: z.boolean(),
  /** What Strata remembers of the layer below, from the last time it was there. */
  remembered: z
    .object({
      path: z.string(),
      format: imageFormat,
      virtualSize: bytes,
      fileSize: bytes,
      modifiedAt: time,
      seenAt: time,
    })
    .nullable(),
  /** The best way first. */
  repairs: z.array(imageRepair),
});
export type ImageRepairs = z.infer<typeof imageRepairs>;

/** A folder outside the library where the lost backing is looked for too. */
export const repairQuery = z.strictObject({ folder: hostPath.optional() });

export const repairImageBody = z.discriminatedUnion('repair', [
  z
    .strictObject({
      repair: z.literal('relink'),
      /** An image of the library, or the path of a file that is registered first. */
      backing: id.optional(),
      path: hostPath.optional(),
      /** The lost backing cannot be compared: the caller vouches that this one reads the same. */
      assumeSame: z.boolean().optional(),
      /** Whether the other overlays that have lost the same file are pointed there in the same operation. */
      others: z.boolean().default(true),
    })
    .refine(({ backing, path }) => (backing === undefined) !== (path === undefined), {
      message: 'needs either backing or path',
    }),
  z.strictObject({ repair: z.literal('register-backing') }),
  /** `format`: the word of the caller, where it is not certain. */
  z.strictObject({ repair: z.literal('record-format'), format: imageFormat.optional() }),
  /** `standsAlone`: the caller knows that nothing is shown any more of what lay below. */
  z.strictObject({ repair: z.literal('cut'), standsAlone: z.literal(true) }),
  z.strictObject({ repair: z.literal('leave-alone'), on: z.boolean().default(true) }),
]);
export type RepairImage = z.input<typeof repairImageBody>;

/** `operation` is null when nothing was left to do. */
export const repairAnswer = z.object({ image, operation: operation.nullable() });
export type RepairAnswer = z.infer<typeof repairAnswer>;
