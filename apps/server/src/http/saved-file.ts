import type { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../app-error.ts';

/** Bytes from `start` to `end`, both inclusive. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** A file that is streamed to whoever saves it. */
export class SavedFile {
  /** As it is proposed; whatever is in it. */
  readonly name: string;
  /** Null: it is made while it is sent, and has no parts. */
  readonly size: number | null;
  /** Changes whenever the bytes do. */
  readonly version: string | null;
  readonly open: (range: ByteRange | null) => Promise<Readable>;

  constructor(file: {
    name: string;
    size: number | null;
    version?: string | null;
    open(range: ByteRange | null): Promise<Readable>;
  }) {
    this.name = file.name;
    this.size = file.size;
    this.version = file.version ?? null;
    this.open = file.open;
  }
}

/** A name for every browser and file system, beside the name as it is (RFC 6266, RFC 8187). */
export const disposition = (name: string): string => {
  const plain = name.replace(/[/\\\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '_').replace(/^\.+/, '_') || 'download';
  const ascii = plain.replace(/[^\x20-\x7e]|["%]/g, '_');
  const encoded = encodeURIComponent(plain).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`;
};

/** One range of a file of this size; null: all of it, `unsatisfiable`: none of it. Several ranges at once: all. */
export const rangeOf = (header: string | undefined, size: number): ByteRange | 'unsatisfiable' | null => {
  const [, from, to] = /^bytes=(\d{0,16})-(\d{0,16})$/.exec(header ?? '') ?? [];
  if (from === undefined || to === undefined || (from === '' && to === '')) return null;
  const start = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  if (from !== '' && to !== '' && Number(to) < Number(from)) return null;
  return start >= size || end < start ? 'unsatisfiable' : { start, end };
};

const wantedRange = ({ headers }: FastifyRequest, { size, version }: SavedFile) => {
  if (size === null) return null;
  const condition = headers['if-range'];
  const stale = condition !== undefined && condition !== `"${version}"`;
  return rangeOf(stale ? undefined : headers.range, size);
};

/** With its parts, when it has a size: a download that was broken off is taken up again. */
export const sendFile = async (
  request: FastifyRequest,
  reply: FastifyReply,
  file: SavedFile,
): Promise<FastifyReply> => {
  const range = wantedRange(request, file);
  if (range === 'unsatisfiable') {
    reply.header('content-range', `bytes */${file.size}`);
    throw new AppError('range-not-satisfiable', `“${file.name}” has ${file.size} bytes.`);
  }
  const body = request.method === 'HEAD' ? '' : await file.open(range);
  reply
    .code(range === null ? 200 : 206)
    .type('application/octet-stream')
    .header('content-disposition', disposition(file.name));
  if (file.version !== null) reply.header('etag', `"${file.version}"`);
  if (file.size === null) return reply.send(body);
  const [start, end] = range === null ? [0, file.size - 1] : [range.start, range.end];
  reply.header('accept-ranges', 'bytes').header('content-length', end - start + 1);
  if (range !== null) reply.header('content-range', `bytes ${start}-${end}/${file.size}`);
  return reply.send(body);
};
