import { z } from 'zod';
import { blocker } from './chains.ts';
import { bytes, hostPath, id, problem, useReserve } from './common.ts';
import { backingState, imageFormat } from './images.ts';

export const adoptFolderBody = z.strictObject({
  /** A folder of the host with images of other tools. */
  path: hostPath,
  /** `register`: the files stay where they are. `copy`, `move`: into a folder of the library, links rewritten. */
  mode: z.enum(['register', 'copy', 'move']).default('register'),
  /** Where they are copied or moved to; the default folder when left out. */
  folder: hostPath.optional(),
  /** Files outside the folder that images in it stand on: registered where they lie, or left out. */
  outside: z.enum(['leave', 'register']).default('leave'),
  /** Write the format of the backing into headers that do not tell it, where it is certain. */
  recordFormats: z.boolean().default(true),
  useReserve,
});
export type AdoptFolder = z.infer<typeof adoptFolderBody>;
export const adoptPlanBody = adoptFolderBody.extend({ fingerprint: z.string().max(200).optional() });
export const adoptRunBody = adoptFolderBody.extend({ fingerprint: z.string().min(1).max(200) });

export const adoptedImage = z.object({
  path: z.string(),
  name: z.string(),
  format: imageFormat,
  virtualSize: bytes,
  allocatedSize: bytes,
  /** Null: the library does not know it yet. */
  imageId: id.nullable(),
  backing: z
    .object({ path: z.string(), format: z.string().nullable(), state: backingState, inFolder: z.boolean() })
    .nullable(),
  problems: z.array(problem),
  action: z.enum(['register', 'copy', 'move', 'known', 'leave']),
  /** Where it will lie; null: where it is. */
  target: z.string().nullable(),
  /** What is written into its header as the format of its backing. */
  recordFormat: imageFormat.nullable(),
  /** Why it is left out, or why a format is or is not written. */
  why: z.string().nullable(),
});
export type AdoptedImage = z.infer<typeof adoptedImage>;

export const adoptPlan = z.object({
  fingerprint: z.string(),
  path: z.string(),
  mode: adoptFolderBody.shape.mode.unwrap(),
  /** Where files are copied or moved to. */
  folder: z.string().nullable(),
  /** Whether the folder itself becomes one of the library. */
  registersFolder: z.boolean(),
  images: z.array(adoptedImage),
  /** Every chain with a member in the folder, its paths top first. */
  chains: z.array(z.object({ paths: z.array(z.string()), whole: z.boolean() })),
  outside: z.array(
    z.object({
      path: z.string(),
      neededBy: z.array(z.string()),
      action: z.enum(['register', 'leave']),
      /** Why it cannot be registered. */
      why: z.string().nullable(),
    }),
  ),
  /** What could not be read. */
  unreadable: z.array(problem),
  bytesToCopy: bytes,
  freeSpaceNeeded: bytes,
  freeSpace: bytes.nullable(),
  /** It fits only when the reserve may be used (`useReserve`). */
  fitsInReserve: z.boolean(),
  blockers: z.array(blocker),
  steps: z.array(z.string()),
});
export type AdoptPlan = z.infer<typeof adoptPlan>;
