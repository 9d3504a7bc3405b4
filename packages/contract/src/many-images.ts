import { z } from 'zod';
import { bytes, hostPath, id, useReserve, waitQuery } from './common.ts';
import { endpoint } from './endpoint.ts';
import { operation } from './operations.ts';

/** More than this at once is `all`. */
const some = z.array(id).min(1).max(2000);

const which = {
  images: some.optional(),
  /** Every image of the library of which it is worth something. */
  all: z.literal(true).optional(),
};
const one = (body: { images?: unknown; all?: unknown }): boolean =>
  (body.images === undefined) !== (body.all === undefined);
const both = { path: ['images'], message: 'name the images, or say all, not both' };

export const checkImagesBody = z
  .strictObject({
    ...which,
    /** `leaks`: lost clusters are given back. Errors are never repaired in passing. */
    repair: z.union([z.literal(false), z.literal('leaks')]).default(false),
  })
  .refine(one, both);
export type CheckImages = z.infer<typeof checkImagesBody>;

export const measureImagesBody = z.strictObject(which).refine(one, both);
export type MeasureImages = z.infer<typeof measureImagesBody>;

export const moveImagesBody = z.strictObject({
  images: some,
  /** A folder of the library. */
  folder: hostPath,
  useReserve,
});
export type MoveImages = z.infer<typeof moveImagesBody>;

/** What an operation on many left alone, and why. */
export const leftOut = z.object({ imageId: id, name: z.string(), why: z.string() });
export type LeftOut = z.infer<typeof leftOut>;

/** The result of a check of many. */
export const imagesCheck = z.object({
  sound: z.int(),
  /** Those in which something was found. */
  found: z.array(
    z.object({
      imageId: id,
      name: z.string(),
      errors: z.int(),
      leaks: z.int(),
      leaksFixed: z.int(),
      leakedBytes: bytes,
    }),
  ),
  leftOut: z.array(leftOut),
  words: z.string(),
});
export type ImagesCheck = z.infer<typeof imagesCheck>;

/** The result of measuring what compaction gives back. */
export const imagesMeasure = z.object({
  measured: z.int(),
  gain: bytes,
  leftOut: z.array(leftOut),
  words: z.string(),
});
export type ImagesMeasure = z.infer<typeof imagesMeasure>;

/** The result of moving several. */
export const imagesMove = z.object({
  moved: z.array(id),
  leftOut: z.array(leftOut),
  words: z.string(),
});
export type ImagesMove = z.infer<typeof imagesMove>;

const query = z.strictObject(waitQuery);
const responses = { 200: operation, 202: operation };

export const manyImagesEndpoints = {
  checkImages: endpoint({
    method: 'POST',
    path: '/images/check',
    summary: 'Look for errors and leaks in several images, or in all',
    body: checkImagesBody,
    query,
    responses,
  }),
  measureImages: endpoint({
    method: 'POST',
    path: '/images/measure',
    summary: 'Find out what compacting images would give back',
    body: measureImagesBody,
    query,
    responses,
  }),
  moveImages: endpoint({
    method: 'POST',
    path: '/images/move',
    summary: 'Move the files of several images to another folder, with every link to them',
    body: moveImagesBody,
    query,
    responses,
  }),
} as const;
