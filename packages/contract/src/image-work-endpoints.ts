import { z } from 'zod';
import { checksumImageBody } from './checksums.ts';
import { id, waitQuery } from './common.ts';
import { convertForecast, convertImageBody } from './convert.ts';
import { endpoint } from './endpoint.ts';
import { operation } from './operations.ts';
import { resizeImageBody, resizePlan } from './resize.ts';

const params = z.strictObject({ id });
const wait = z.strictObject(waitQuery);

/** What is computed of an image, and what it is changed into. */
export const imageWorkEndpoints = {
  checksumImage: endpoint({
    method: 'POST',
    path: '/images/:id/checksum',
    summary: 'Compute checksums of the file, and compare them with what is expected',
    params,
    body: checksumImageBody,
    query: wait,
    responses: { 200: operation, 202: operation },
  }),
  convertImage: endpoint({
    method: 'POST',
    path: '/images/:id/convert',
    summary: 'What the image shows as a new image of another format; with `plan` only what that would take',
    params,
    body: convertImageBody,
    query: wait,
    responses: { 200: z.union([operation, convertForecast]), 202: operation },
  }),
  resizeImage: endpoint({
    method: 'POST',
    path: '/images/:id/resize',
    summary: 'Make the disk larger or smaller; with `plan` only what that would be',
    params,
    body: resizeImageBody,
    query: wait,
    responses: { 200: z.union([operation, resizePlan]), 202: operation },
  }),
};
