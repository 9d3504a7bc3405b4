import { z } from 'zod';

/**
 * Every code a problem answer can carry, with its HTTP status and its title. The details of one case are in
 * `detail`; `docs/errors.md` is generated from this list.
 */
export const errorCodes = {
  'invalid-request': { status: 400, title: 'The request is malformed' },
  unauthorized: { status: 401, title: 'No or wrong access token' },
  'forbidden-origin': { status: 403, title: 'The request comes from another site' },
  'forbidden-path': { status: 403, title: 'The path lies outside the library' },
  'device-write-off': { status: 403, title: 'Strata was started without writing to devices' },
  'device-forbidden': { status: 403, title: 'Your user may not open the device' },
  'not-found': { status: 404, title: 'There is no such thing' },
  'method-not-allowed': { status: 405, title: 'This address does not take that method' },
  'image-in-use': { status: 409, title: 'Something stands on the image' },
  'image-locked': { status: 409, title: 'Another program uses the image' },
  'image-exists': { status: 409, title: 'A file of that name exists already' },
  'vm-running': { status: 409, title: 'The VM is running' },
  'vm-not-running': { status: 409, title: 'The VM is not running' },
  'vm-suspended': { status: 409, title: 'The VM is suspended' },
  'agent-absent': { status: 409, title: 'No guest agent answers' },
  'vm-busy': { status: 409, title: 'The VM is busy' },
  'name-taken': { status: 409, title: 'The name is taken' },
  'device-busy': { status: 409, title: 'The host uses the device' },
  'device-gone': { status: 409, title: 'The device is no longer there' },
  'folder-in-use': { status: 409, title: 'The folder is still needed' },
  'operation-running': { status: 409, title: 'An operation is working on this' },
  'operation-state': { status: 409, title: 'The operation is not in a state for that' },
  'plan-stale': { status: 409, title: 'The world has changed since the plan was made' },
  'plan-blocked': { status: 409, title: 'Something stands in the way' },
  'upload-conflict': { status: 409, title: 'The upload is elsewhere by now' },
  'port-taken': { status: 409, title: 'A port of the host is taken' },
  'upload-protocol': { status: 412, title: 'Uploads speak tus 1.0.0' },
  'body-too-large': { status: 413, title: 'The request is too large' },
  'range-not-satisfiable': { status: 416, title: 'The file has no such bytes' },
  'unsupported-media-type': { status: 415, title: 'The body must be application/json' },
  'wrong-host': { status: 421, title: 'The request is addressed to another host' },
  'image-refused': { status: 422, title: 'The image cannot be taken in' },
  'image-unreadable': { status: 422, title: 'The image cannot be read' },
  'device-unreadable': { status: 422, title: 'The device cannot be read' },
  'device-differs': { status: 422, title: 'The device does not hold what was written' },
  'not-possible': { status: 422, title: 'This is not possible here' },
  'qemu-missing': { status: 422, title: 'QEMU is not installed' },
  'tool-missing': { status: 422, title: 'A program is missing on this host' },
  'qemu-refused': { status: 422, title: 'QEMU refused' },
  'out-of-memory': { status: 422, title: 'The host has not enough memory' },
  'path-too-long': { status: 422, title: 'A socket path would be too long' },
  'rate-limited': { status: 429, title: 'Too many requests' },
  'internal-error': { status: 500, title: 'Strata made a mistake' },
  'qemu-unresponsive': { status: 503, title: 'QEMU does not answer' },
  'read-only': { status: 503, title: 'The data folder cannot be written' },
  'disk-full': { status: 507, title: 'There is no space left' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ErrorCode = keyof typeof errorCodes;

export const problemDetails = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string(),
    requestId: z.string().optional(),
    /** With `invalid-request`. */
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
    /** With `plan-blocked`. */
    blockers: z
      .array(
        z.object({
          code: z.string(),
          message: z.string(),
          subjects: z.array(z.object({ kind: z.string(), id: z.string(), name: z.string() })).optional(),
        }),
      )
      .optional(),
    /** With `qemu-refused`: QEMU's own words. */
    stderr: z.string().optional(),
    /** With `disk-full`: whether it fits when the reserve may be used (`useReserve`). */
    fitsInReserve: z.boolean().optional(),
    /** With `image-in-use`: who stands on it. */
    usedBy: z.array(z.object({ kind: z.string(), id: z.string(), name: z.string() })).optional(),
  })
  .meta({ id: 'Problem' });
export type ProblemDetails = z.infer<typeof problemDetails>;
