import { z } from 'zod';
import { bytes, displayName, hostPath, id, list, time, useReserve, waitQuery } from './common.ts';
import { endpoint } from './endpoint.ts';
import { operation } from './operations.ts';
import { arrivalFormat, tookHow } from './take-in.ts';

/** `library`: it is taken in as soon as it is here. `make`: a tar of files, which waits for an image to be made of them. */
export const uploadPurpose = z.enum(['library', 'make']);

/** A file that a browser or a script is sending, or has sent and that is not in the library yet. */
export const upload = z.object({
  id,
  /** Of the file that is sent; shown, and never part of a path. */
  filename: z.string(),
  /** What the image will be called. */
  name: z.string(),
  size: bytes,
  /** Bytes that are here: where the next part begins. */
  offset: bytes,
  /** `make`: files for a new image, and no image. */
  purpose: uploadPurpose,
  /**
   * `failed`: all of it is here, and taking it in failed for a reason that can be mended (a full disk). `ready`, `making`: files
   * for a new image are all here, and an image is being made of them.
   */
  state: z.enum(['receiving', 'importing', 'failed', 'ready', 'making']),
  /** A part is on its way at this moment. */
  active: z.boolean(),
  /** That takes it in, or has failed to. */
  operationId: id.nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  createdAt: time,
  /** Then it is removed, unless another part comes before. */
  expiresAt: time,
});
export type Upload = z.infer<typeof upload>;
export const uploadList = list(upload);

/** How a file is taken into the library. */
export const arrival = {
  /** What the image is called; after the file when left out. */
  name: displayName.optional(),
  /** A folder of the library; the default folder when left out. */
  folder: hostPath.optional(),
  /** What it must be; found by its header when left out. Of an archive: what is in it. */
  format: arrivalFormat.optional(),
  /** Of the file as it is sent, compressed or not. */
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/i, 'must be the 64 hexadecimal digits of a SHA-256 sum')
    .transform((sum) => sum.toLowerCase())
    .optional(),
};

/** The `Upload-Metadata` of a new upload. What other clients add to it is not looked at. */
export const uploadMetadata = z.object({
  filename: z
    .string()
    .min(1)
    .max(255)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must not contain control characters'),
  ...arrival,
  purpose: uploadPurpose.optional(),
  useReserve: z
    .enum(['true', 'false'])
    .transform((value) => value === 'true')
    .optional(),
});
export type UploadMetadata = z.output<typeof uploadMetadata>;

/** Files with these names are unpacked; what is in them is taken in. */
export const archiveName = /\.(gz|tgz|xz|txz|zst|zip|tar|ova|ovf)$/i;

/** An archive (`.gz`, `.xz`, `.zst`, `.zip`, `.ova`) or an OVF with its disks beside it, from a path of the host. */
export const unpackBody = z.strictObject({ path: hostPath, ...arrival, useReserve });
export type UnpackFile = z.output<typeof unpackBody>;

/** The `result` of the operation that takes a file in. */
export const arrivalResult = z.object({
  /** The first image, for the usual case of one. */
  imageId: id,
  imageIds: z.array(id),
  vmId: id.optional(),
  /** Of one file of the host, what was done with it. */
  how: tookHow.optional(),
  /** What an archive or a VM definition had and what could not be taken over, in words. */
  notMapped: z.array(z.string()),
});
export type ArrivalResult = z.infer<typeof arrivalResult>;

const params = z.strictObject({ id });
const wait = z.strictObject(waitQuery);

/**
 * Sending itself is the tus protocol 1.0.0 (creation, creation-with-upload, termination, expiration) on the same
 * addresses: `POST /uploads`, `HEAD` and `PATCH /uploads/:id`.
 */
export const uploadEndpoints = {
  listUploads: endpoint({
    method: 'GET',
    path: '/uploads',
    summary:
      'Uploads that are not in the library yet. To send: the tus protocol 1.0.0 (POST /uploads, HEAD and PATCH /uploads/:id)',
    responses: { 200: uploadList },
  }),
  getUpload: endpoint({
    method: 'GET',
    path: '/uploads/:id',
    summary: 'One of them',
    params,
    responses: { 200: upload },
  }),
  deleteUpload: endpoint({
    method: 'DELETE',
    path: '/uploads/:id',
    summary: 'Stop it and remove what was sent (tus: termination)',
    params,
    responses: { 204: z.null() },
  }),
  importUpload: endpoint({
    method: 'POST',
    path: '/uploads/:id/import',
    summary: 'Take a complete upload in again, after what had failed was mended',
    params,
    query: wait,
    responses: { 200: operation, 202: operation },
  }),
  unpackImage: endpoint({
    method: 'POST',
    path: '/images/unpack',
    summary: 'Take an archive (.gz, .xz, .zst, .zip, .ova, .ovf) of the host into the library',
    body: unpackBody,
    query: wait,
    responses: { 200: operation, 202: operation },
  }),
} as const;
