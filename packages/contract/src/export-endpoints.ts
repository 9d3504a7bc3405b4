import { z } from 'zod';
import { id } from './common.ts';
import { endpoint } from './endpoint.ts';
import { createExportBody, exportList, imageExport } from './exports.ts';

const params = z.strictObject({ id });

/** Ways out of the library. */
export const exportEndpoints = {
  listExports: endpoint({
    method: 'GET',
    path: '/exports',
    summary: 'What is exported at this moment, and to whom',
    responses: { 200: exportList },
  }),
  createExport: endpoint({
    method: 'POST',
    path: '/exports',
    summary: 'Serve what an image shows over NBD, or as a raw file',
    body: createExportBody,
    responses: { 201: imageExport },
  }),
  getExport: endpoint({
    method: 'GET',
    path: '/exports/:id',
    summary: 'One export, with the commands to use it',
    params,
    responses: { 200: imageExport },
  }),
  deleteExport: endpoint({
    method: 'DELETE',
    path: '/exports/:id',
    summary: 'Stop an export; its clients are cut off',
    params,
    responses: { 200: z.object({ ok: z.literal(true) }) },
  }),
};
