import { z } from 'zod';
import { bytes, flagQuery, id, list, ticketQuery, time } from './common.ts';

/** What an image is written as for others. */
export const downloadFormat = z.enum(['raw', 'qcow2', 'vmdk', 'vdi', 'vhdx', 'vpc']);
export type DownloadFormat = z.infer<typeof downloadFormat>;

const content = {
  /** An internal snapshot inside the image, by its name, or its number where two have that name. */
  tag: z.string().min(1).max(1024).optional(),
};

/**
 * Without a format: the file as it is. With one: all that the image shows through its chain, as raw while it is read, in
 * another format once it has been converted.
 */
export const downloadImageQuery = z
  .strictObject({
    format: downloadFormat.optional(),
    compress: flagQuery.optional(),
    ...content,
    ...ticketQuery,
  })
  .refine(({ format, tag, compress }) => format !== undefined || (tag === undefined && compress !== true), {
    path: ['format'],
    message: 'is needed with "compress" or "tag"',
  });
export type DownloadImage = z.infer<typeof downloadImageQuery>;

export const prepareDownloadBody = z.strictObject({
  format: downloadFormat,
  compress: z.boolean().default(false),
  ...content,
});
export type PrepareDownload = z.infer<typeof prepareDownloadBody>;

/** A file that was made to be fetched, and goes by itself. */
export const download = z.object({
  id,
  name: z.string(),
  size: bytes,
  madeAt: time,
  expiresAt: time,
  /** What could not be expressed in its form, in words. */
  notes: z.array(z.string()),
});
export type Download = z.infer<typeof download>;
export const downloadList = list(download);
export const fetchQuery = z.strictObject(ticketQuery);
