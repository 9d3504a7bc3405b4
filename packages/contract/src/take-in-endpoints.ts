import { z } from 'zod';
import { hostPath, useReserve, waitQuery } from './common.ts';
import { endpoint } from './endpoint.ts';
import { operation } from './operations.ts';
import { arrival } from './uploads.ts';

/** Any file of the host: an image, an archive, or a file of a format that is converted. */
export const takeInBody = z.strictObject({
  path: hostPath,
  mode: z.enum(['register', 'copy', 'move']).default('copy'),
  ...arrival,
  useReserve,
});
export type TakeIn = z.output<typeof takeInBody>;
export type TakeInInput = z.input<typeof takeInBody>;

export const takeInEndpoints = {
  takeInImage: endpoint({
    method: 'POST',
    path: '/images/take-in',
    summary: 'Take a file of the host into the library: register it in place, copy it, or move it',
    body: takeInBody,
    query: z.strictObject(waitQuery),
    responses: { 200: operation, 202: operation },
  }),
} as const;
