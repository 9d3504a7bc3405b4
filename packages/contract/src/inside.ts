import { z } from 'zod';
import { bytes, id, list, problem, ticketQuery, time } from './common.ts';
import { endpoint } from './endpoint.ts';

/** What reads the files: libguestfs in an appliance of its own, or a tool that knows only one kind of file system. */
export const insideEngine = z.enum(['libguestfs', 'xorriso', 'mtools']);
export type InsideEngine = z.infer<typeof insideEngine>;

/** A partition, a logical volume, or the whole disk. Whatever it calls itself was written by strangers. */
export const insideVolume = z.object({
  /** As the appliance names it (`/dev/sda1`, `/dev/group/name`): what `volume` is in every other call. */
  device: z.string(),
  /** Null of what is no partition: a logical volume, an array, a disk without a table. */
  partition: z.int().nullable(),
  /** Of the entry in the table: of an MBR two hexadecimal digits, of a GPT a GUID. */
  type: z.string().nullable(),
  typeName: z.string().nullable(),
  startSector: z.int().min(0).nullable(),
  /** In bytes; null where it is no partition. */
  offset: bytes.nullable(),
  size: bytes.nullable(),
  /** As libguestfs says it: `ext4`, `vfat`, `ntfs`, `swap`; null: nothing that is known. */
  fileSystem: z.string().nullable(),
  label: z.string().nullable(),
  uuid: z.string().nullable(),
  /** Whether its files can be looked at. */
  mountable: z.boolean(),
  /** Why not, in words. */
  reason: z.string().nullable(),
});
export type InsideVolume = z.infer<typeof insideVolume>;

/** A disk that is being looked into. It ends by itself a while after the last call. */
export const insideSession = z.object({
  id,
  imageId: id,
  imageName: z.string(),
  /** Of a snapshot inside the file. */
  tag: z.string().nullable(),
  state: z.enum(['starting', 'ready', 'failed']),
  /** Why it failed. */
  problem: problem.nullable(),
  writable: z.boolean(),
  engine: insideEngine,
  volumes: z.array(insideVolume),
  startedAt: time,
  /** Then it ends, unless something is asked before. */
  endsAt: time,
});
export type InsideSession = z.infer<typeof insideSession>;
export const insideList = list(insideSession);

export const lookInsideBody = z.strictObject({
  /** Files are put in and deleted, too: only in an image on which nothing stands and that nothing uses. */
  writable: z.boolean().default(false),
  /** A snapshot inside the file, by its name, or its number where two have that name. */
  tag: z.string().min(1).max(1024).optional(),
});
export type LookInside = z.input<typeof lookInsideBody>;

/**
 * One file or folder. `path` is from the root of the volume, and nothing in it leads out of that. Names on a disk are
 * bytes: one that is not UTF-8 is meant by `rawPath`, the whole path in base64url, as an entry gives it.
 */
const place = {
  volume: z.string().min(1).max(512),
  path: z
    .string()
    .min(1)
    .max(4096)
    .regex(/^\/[^\0]*$/, 'must begin with "/"')
    .optional(),
  rawPath: z
    .string()
    .max(6000)
    .regex(/^[A-Za-z0-9_-]+$/, 'must be base64url')
    .optional(),
};
const onePath = ({ path, rawPath }: { path?: string | undefined; rawPath?: string | undefined }): boolean =>
  (path === undefined) !== (rawPath === undefined);
const eitherPath = { path: ['path'], message: 'or "rawPath" is needed, and not both' };

export const insidePlace = z.strictObject(place).refine(onePath, eitherPath);
export type InsidePlace = z.output<typeof insidePlace>;
export const insideFileQuery = z.strictObject({ ...place, ...ticketQuery }).refine(onePath, eitherPath);
export const insideEntriesQuery = z
  .strictObject({
    ...place,
    /** The `next` of the page before. */
    after: z.string().max(400).optional(),
    limit: z.coerce.number().int().min(1).max(1000).default(200),
  })
  .refine(onePath, eitherPath);

/** Hostile text: a name may hold line ends, HTML, and whatever turns the direction of writing. */
export const insideEntry = z.object({
  /** Bytes that are not UTF-8 are shown as U+FFFD. */
  name: z.string(),
  /** Only with such bytes: the name as it is, in base64. */
  raw: z.string().optional(),
  /** Only with such bytes in the name or in a folder above: what to give as `rawPath`. Otherwise `path` + `/` + `name` is it. */
  rawPath: z.string().optional(),
  kind: z.enum(['file', 'folder', 'link', 'other']),
  /** Of a file. A file may claim 8 EiB; then it is not exact. */
  size: z.number().min(0),
  /** Permission bits, like 0o644. */
  mode: z.int(),
  modified: time.nullable(),
  /** Where a link points. It is never followed out of the volume. */
  target: z.string().nullable(),
});
export type InsideEntry = z.infer<typeof insideEntry>;
export const insideEntries = z.object({
  path: z.string(),
  entries: z.array(insideEntry),
  /** In the whole folder. */
  total: z.int(),
  next: z.string().nullable(),
});
export type InsideEntries = z.infer<typeof insideEntries>;

/** How a file begins. */
export const insidePreview = z.object({
  kind: z.enum(['text', 'binary']),
  text: z.string().nullable(),
  /** Of a binary file: its first bytes as a dump. */
  hex: z.string().nullable(),
  size: z.number().min(0),
  /** There is more than is shown. */
  truncated: z.boolean(),
});
export type InsidePreview = z.infer<typeof insidePreview>;

/** What the body of `PUT …/file` is sent as, with its Content-Length. */
export const insideFileType = 'application/octet-stream';

const params = z.strictObject({ id });
const session = z.strictObject({ sid: id });
const ok = z.object({ ok: z.literal(true) });

/** Into the disk that an image shows, without starting anything. */
export const insideEndpoints = {
  lookInside: endpoint({
    method: 'POST',
    path: '/images/:id/inside',
    summary: 'Look into the disk that the image shows; ready when its state says so',
    params,
    body: lookInsideBody.optional(),
    responses: { 201: insideSession },
  }),
  listInside: endpoint({
    method: 'GET',
    path: '/inside',
    summary: 'Disks that are being looked into',
    responses: { 200: insideList },
  }),
  getInside: endpoint({
    method: 'GET',
    path: '/inside/:sid',
    summary: 'One of them, with its volumes',
    params: session,
    responses: { 200: insideSession },
  }),
  closeInside: endpoint({
    method: 'DELETE',
    path: '/inside/:sid',
    summary: 'Look no longer',
    params: session,
    responses: { 200: ok },
  }),
  listInsideEntries: endpoint({
    method: 'GET',
    path: '/inside/:sid/entries',
    summary: 'A folder of a volume, a page at a time',
    params: session,
    query: insideEntriesQuery,
    responses: { 200: insideEntries },
  }),
  previewInside: endpoint({
    method: 'GET',
    path: '/inside/:sid/preview',
    summary: 'The first 64 KiB of a file',
    params: session,
    query: insidePlace,
    responses: { 200: insidePreview },
  }),
  downloadInsideFile: endpoint({
    method: 'GET',
    path: '/inside/:sid/file',
    summary: 'A file, streamed',
    params: session,
    query: insideFileQuery,
    responses: { 200: 'binary', 206: 'binary' },
    download: true,
  }),
  downloadInsideFolder: endpoint({
    method: 'GET',
    path: '/inside/:sid/tar',
    summary: 'A folder with all that is in it as a tar archive, streamed',
    params: session,
    query: insideFileQuery,
    responses: { 200: 'binary' },
    download: true,
  }),
  /** Its body is the file itself, and no JSON: `insideFileType`. A file of that name is replaced when all of it is there. */
  putInsideFile: endpoint({
    method: 'PUT',
    path: '/inside/:sid/file',
    summary: 'Put a file in (body: application/octet-stream, with its Content-Length)',
    params: session,
    query: insidePlace,
    body: z.any(),
    responses: { 200: insideEntry },
  }),
  createInsideFolder: endpoint({
    method: 'POST',
    path: '/inside/:sid/folders',
    summary: 'Make a folder',
    params: session,
    body: insidePlace,
    responses: { 201: insideEntry },
  }),
  deleteInsideEntry: endpoint({
    method: 'DELETE',
    path: '/inside/:sid/entries',
    summary: 'Delete a file, or a folder with all that is in it; there is no way back',
    params: session,
    query: insidePlace,
    responses: { 200: ok },
  }),
} as const;
