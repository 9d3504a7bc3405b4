import { z } from 'zod';
import { bytes, displayName, hostPath, id, list, time } from './common.ts';
import { endpoint } from './endpoint.ts';
import { image } from './images.ts';

const neighbour = z.object({ id, name: z.string() });

/** A deleted image that can be restored. */
export const trashItem = z.object({
  id,
  name: z.string(),
  /** Where it lay. */
  path: z.string(),
  format: z.string(),
  virtualSize: bytes,
  /** What it takes until it is deleted for good. */
  bytes,
  deletedAt: time,
  belonged: z.object({
    /** The image it stands on; null: none. */
    backing: z.string().nullable(),
    /** The VM it was deleted with, or those that still use its tree. */
    vms: z.array(z.string()),
  }),
  /** In the trash too: what it stands on has to be restored before it, what stands on it be deleted before it. */
  needs: z.array(neighbour),
  neededBy: z.array(neighbour),
});
export type TrashItem = z.infer<typeof trashItem>;
export const trashList = list(trashItem);

export const restoreTrashBody = z
  .strictObject({
    /** Another folder of the library, on the same disk; where it lay when left out. */
    folder: hostPath.optional(),
    /** Another name, where the old one has been taken since. */
    name: displayName.optional(),
  })
  .prefault({});
export type RestoreTrash = z.infer<typeof restoreTrashBody>;

const days = z.int().min(0).max(3650);
export const emptyTrashBody = z
  .strictObject({
    items: z.array(id).min(1).max(2000).optional(),
    /** Everything that was deleted so long ago; 0: everything. */
    olderThanDays: days.optional(),
  })
  .refine((body) => (body.items === undefined) !== (body.olderThanDays === undefined), {
    path: ['items'],
    message: 'name what goes, or say how old it is, not both',
  });
export type EmptyTrash = z.infer<typeof emptyTrashBody>;
export const emptiedTrash = z.object({
  deleted: z.int(),
  bytes,
  /** What had to stay. */
  left: z.array(z.object({ id, name: z.string(), why: z.string() })),
});
export type EmptiedTrash = z.infer<typeof emptiedTrash>;

/** `emptyAfterDays`: what is older goes for good by itself; null: nothing does. */
export const trashSettings = z.strictObject({ emptyAfterDays: days.min(1).nullable() });
export type TrashSettings = z.infer<typeof trashSettings>;

const params = z.strictObject({ id });

export const trashEndpoints = {
  listTrash: endpoint({
    method: 'GET',
    path: '/trash',
    summary: 'Deleted images that can be restored',
    responses: { 200: trashList },
  }),
  restoreTrash: endpoint({
    method: 'POST',
    path: '/trash/:id/restore',
    summary: 'Put a deleted image back',
    params,
    body: restoreTrashBody,
    responses: { 200: image },
  }),
  deleteTrash: endpoint({
    method: 'DELETE',
    path: '/trash/:id',
    summary: 'Delete for good',
    params,
    responses: { 200: z.object({ ok: z.literal(true) }) },
  }),
  emptyTrash: endpoint({
    method: 'POST',
    path: '/trash/empty',
    summary: 'Delete several for good, or all that is old',
    body: emptyTrashBody,
    responses: { 200: emptiedTrash },
  }),
  getTrashSettings: endpoint({
    method: 'GET',
    path: '/trash/settings',
    summary: 'Whether the trash is emptied by itself',
    responses: { 200: trashSettings },
  }),
  putTrashSettings: endpoint({
    method: 'PUT',
    path: '/trash/settings',
    summary: 'Empty the trash by itself, or no longer',
    body: trashSettings,
    responses: { 200: trashSettings },
  }),
} as const;
