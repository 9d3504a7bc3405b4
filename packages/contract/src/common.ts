import { z } from 'zod';

/** Short opaque identifiers: what `newId` of the server makes. Anything else is a malformed request. */
export const id = z.string().regex(/^[a-z0-9]{4,32}$/, 'is not an id of Strata');
export type Id = z.infer<typeof id>;

/** The largest size Strata accepts, in bytes: 64 TiB (security.md, 2.3). */
export const maxImageSize = 64 * 1024 ** 4;

const unitBytes = { K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 } as const;

/** Also the space that is kept free on every file system (2 GiB, or 5 %) may be used. */
export const useReserve = z.boolean().optional();

/** Bytes, as an integer. */
export const bytes = z.int().min(0);

/**
 * A size in a request: bytes as an integer, or a string like `"10G"` (K, M, G, T are powers of 1024).
 * A plain digit string is refused: it is a number in disguise.
 */
export const sizeInput = z
  .union(
    [
      z.int().positive('must be more than 0'),
      z
        .string()
        .regex(/^[1-9][0-9]{0,12}[KMGT]$/)
        .transform((text) => {
          const unit = text.slice(-1) as keyof typeof unitBytes;
          return Number(text.slice(0, -1)) * unitBytes[unit];
        }),
    ],
    { error: 'must be bytes as a whole number, or a string like "10G" (K, M, G or T)' },
  )
  .refine((size) => Number.isSafeInteger(size), 'is too large')
  .meta({ description: 'Bytes as an integer, or a string such as "10G" (powers of 1024)' });

/** The virtual size of a disk: a multiple of 512 bytes, at most {@link maxImageSize}. */
export const diskSizeInput = sizeInput
  .refine((size) => size % 512 === 0, 'must be a multiple of 512 bytes')
  .refine((size) => size <= maxImageSize, 'must be at most 64 TiB');

/** Text a person gives a thing. Never becomes part of a file name or an option of QEMU. */
export const displayName = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(100, 'must be at most 100 characters')
  // Control characters, line separators and bidirectional overrides would lie about what is shown; half a surrogate
  // pair (Cs) is no text.
  .regex(/^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]*$/u, 'must not contain control characters');

/** Lines of text. Line ends are kept as one newline, whatever the sender's system calls one. */
export const notesText = z
  .string()
  .overwrite((text) => text.replace(/\r\n?/g, '\n'))
  .max(10_000, 'must be at most 10,000 characters')
  .regex(/^(?:[^\p{Cc}\p{Cs}]|[\n\t])*$/u, 'must not contain control characters');

/** An absolute path on the host, as a person types it. Resolved and checked against the library's folders by the server. */
export const hostPath = z
  .string()
  .min(1)
  .max(4096)
  .regex(/^\/[^\p{Cc}\p{Cs}]*$/u, 'must be an absolute path without control characters');

/** ISO 8601, UTC. */
export const time = z.iso.datetime();

export const listQuery = {
  limit: z.coerce.number().int().min(1).max(1000).optional(),
  cursor: z.string().max(200).optional(),
  q: z.string().max(200).optional(),
  sort: z.string().max(50).optional(),
};

export const list = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), total: z.int(), nextCursor: z.string().optional() });

/** `?wait=SECONDS`: hold the answer of a call that starts an operation until it ends, at most 60 s. */
export const waitQuery = { wait: z.coerce.number().min(0).max(60).optional() };

/** `&ticket=…`, at the end: of a download by a page, which can send no header with it. */
export const ticketQuery = { ticket: z.string().max(200).optional() };

/** `?flag=1`, `?flag=true`. */
export const flagQuery = z
  .enum(['0', '1', 'true', 'false'])
  .transform((value) => value === '1' || value === 'true');

/** Something that is wrong with a thing and shown beside it, in words. */
export const problem = z.object({
  code: z.string(),
  message: z.string(),
  /** What a person can do about it. */
  repair: z.string().optional(),
});
export type Problem = z.infer<typeof problem>;
