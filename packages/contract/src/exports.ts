import { z } from 'zod';
import { bytes, displayName, id, list, time } from './common.ts';

export const exportKind = z.enum(['nbd', 'fuse']);
export type ExportKind = z.infer<typeof exportKind>;

const onlyOver =
  (kind: 'nbd' | 'tcp', field: 'transport' | 'port' | 'tls') =>
  (body: { kind: string; transport: string; port?: number | undefined; tls: boolean }): boolean =>
    (kind === 'nbd' ? body.kind === 'nbd' : body.transport === 'tcp') ||
    (field === 'transport'
      ? body.transport === 'unix'
      : field === 'port'
        ? body.port === undefined
        : !body.tls);

/** What an image shows through its whole chain, for other programs: over NBD, or as a raw file (FUSE). */
export const createExportBody = z
  .strictObject({
    imageId: id,
    kind: exportKind.default('nbd'),
    writable: z.boolean().default(false),
    /** A socket in a private folder, or a port of 127.0.0.1: every user of this machine may connect to that. */
    transport: z.enum(['unix', 'tcp']).default('unix'),
    /** A free one when left out. */
    port: z.int().min(1024, 'must be 1024 or more').max(65_535).optional(),
    /** Only who has the client's key may connect, and nobody listens in. */
    tls: z.boolean().default(false),
    /** It outlives the server, and is taken up again at the next start. */
    pinned: z.boolean().default(false),
    name: displayName.optional(),
  })
  .refine(onlyOver('nbd', 'transport'), { path: ['transport'], message: 'is for NBD' })
  .refine(onlyOver('tcp', 'port'), { path: ['port'], message: 'is for the transport "tcp"' })
  .refine(onlyOver('tcp', 'tls'), {
    path: ['tls'],
    message: 'is for the transport "tcp": a socket is guarded by its folder',
  });
export type CreateExport = z.infer<typeof createExportBody>;

export const exportClient = z.object({
  /** Of TCP clients; `unix` for one of a socket. */
  address: z.string(),
  pid: z.int().optional(),
  program: z.string().optional(),
});
export type ExportClient = z.infer<typeof exportClient>;

/** Something to paste into a shell. */
export const exportCommand = z.object({
  title: z.string(),
  command: z.string(),
  /** The program that must be there, and the package that has it. */
  needs: z.string().optional(),
});
export type ExportCommand = z.infer<typeof exportCommand>;

export const imageExport = z.object({
  id,
  imageId: id,
  imageName: z.string(),
  name: z.string(),
  kind: exportKind,
  /** `nbd+unix://…`, `nbd://…`, `nbds://…` or `file://…`. */
  uri: z.string(),
  socket: z.string().optional(),
  address: z.object({ host: z.string(), port: z.int() }).optional(),
  exportName: z.string(),
  /** Bytes that a reader sees. */
  size: bytes,
  writable: z.boolean(),
  tls: z.boolean(),
  /** With TLS: the folder with the certificates and the key for a client. */
  credentials: z.string().optional(),
  pinned: z.boolean(),
  /** Of FUSE: the raw file. */
  mountpoint: z.string().optional(),
  clients: z.array(exportClient),
  startedAt: time,
  commands: z.array(exportCommand),
});
export type ImageExport = z.infer<typeof imageExport>;
export const exportList = list(imageExport);
