import { z } from 'zod';
import { hostPath } from './common.ts';

/** Where an NBD server is, and which of its exports is meant. */
export interface NbdTarget {
  readonly server:
    | { readonly type: 'unix'; readonly path: string }
    | { readonly type: 'inet'; readonly host: string; readonly port: number };
  readonly exportName: string;
  readonly tls: boolean;
}

const usualPort = 10_809;
const hostName = /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;
const plainText = /^[^\p{Cc}\p{Cs}]*$/u;

/** In UTF-8; percent-encoding writes every byte that is no plain letter as three. */
const byteLength = (text: string): number => encodeURIComponent(text).replace(/%../g, '.').length;

const decoded = (text: string): string | null => {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
};

/**
 * `nbd+unix:///NAME?socket=PATH`, `nbd://HOST[:PORT]/NAME` and `nbds://…` (with TLS): what an export shows as its address. Null for
 * everything else. Read by hand: what a URL parser forgives, QEMU would be told.
 */
export const parseNbdUri = (uri: string): NbdTarget | null => {
  const unix = /^nbd\+unix:\/\/\/([^?#/]*)\?socket=([^&#?]+)$/.exec(uri);
  if (unix !== null) {
    const [exportName, path] = [decoded(unix[1] ?? ''), decoded(unix[2] ?? '')];
    if (exportName === null || path === null || !path.startsWith('/')) return null;
    if (!plainText.test(exportName + path) || byteLength(path) > 107) return null;
    return { server: { type: 'unix', path }, exportName, tls: false };
  }
  const inet = /^nbd(s?):\/\/(\[[0-9A-Fa-f:.]+\]|[^/?#:@[\]]+)(?::(\d{1,5}))?(?:\/([^?#/]*))?$/.exec(uri);
  if (inet === null) return null;
  const [, secure, host = '', digits, name = ''] = inet;
  const [exportName, port] = [decoded(name), digits === undefined ? usualPort : Number(digits)];
  if (exportName === null || !plainText.test(exportName) || port < 1 || port > 65_535) return null;
  const bare = host.replace(/^\[|\]$/g, '');
  if (bare === host && !hostName.test(host)) return null;
  return { server: { type: 'inet', host: bare, port }, exportName, tls: secure === 's' };
};

/** A disk of a VM that is no image of the library: an export of another Strata, or of any NBD server. */
export const nbdDisk = z
  .strictObject({
    uri: z
      .string()
      .max(1000)
      .refine(
        (uri) => parseNbdUri(uri) !== null,
        'must be like nbd+unix:///NAME?socket=PATH, nbd://HOST:PORT/NAME or nbds://HOST:PORT/NAME',
      ),
    /** With `nbds`: a folder of this host with `ca-cert.pem`, and the client's certificate and key. */
    credentials: hostPath.optional(),
    /** Only an export that may be written can be used otherwise. */
    readOnly: z.boolean().default(true),
    bus: z.enum(['virtio', 'scsi']).default('virtio'),
  })
  .refine(({ uri, credentials }) => (parseNbdUri(uri)?.tls ?? false) === (credentials !== undefined), {
    path: ['credentials'],
    message: 'is needed with nbds:// (TLS), and for nothing else',
  });
export type NbdDisk = z.infer<typeof nbdDisk>;
export const nbdDisks = z.array(nbdDisk).max(4);
