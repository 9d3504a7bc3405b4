import { z } from 'zod';
import { id, waitQuery } from './common.ts';
import { downloadImageQuery, downloadList, fetchQuery, prepareDownloadBody } from './downloads.ts';
import { endpoint } from './endpoint.ts';
import { operation } from './operations.ts';
import { vmExportBody } from './vm-export.ts';

const params = z.strictObject({ id });
const wait = z.strictObject(waitQuery);

/** Copies that leave the library. */
export const downloadEndpoints = {
  downloadImage: endpoint({
    method: 'GET',
    path: '/images/:id/download',
    summary: 'The file as it is, or what the image shows in a format, streamed',
    params,
    query: downloadImageQuery,
    responses: { 200: 'binary', 206: 'binary' },
    download: true,
  }),
  prepareDownload: endpoint({
    method: 'POST',
    path: '/images/:id/downloads',
    summary: 'Make a file of what the image shows, to be fetched for a day',
    params,
    body: prepareDownloadBody,
    query: wait,
    responses: { 200: operation, 202: operation },
  }),
  exportVm: endpoint({
    method: 'POST',
    path: '/vms/:id/export',
    summary: 'An archive of a whole VM for other programs: an OVA, libvirt, KubeVirt',
    params,
    body: vmExportBody,
    query: wait,
    responses: { 200: operation, 202: operation },
  }),
  listDownloads: endpoint({
    method: 'GET',
    path: '/downloads',
    summary: 'Files that were made to be fetched',
    responses: { 200: downloadList },
  }),
  fetchDownload: endpoint({
    method: 'GET',
    path: '/downloads/:id',
    summary: 'Fetch one of them',
    params,
    query: fetchQuery,
    responses: { 200: 'binary', 206: 'binary' },
    download: true,
  }),
  deleteDownload: endpoint({
    method: 'DELETE',
    path: '/downloads/:id',
    summary: 'Remove one of them before its time',
    params,
    responses: { 200: z.object({ ok: z.literal(true) }) },
  }),
};
