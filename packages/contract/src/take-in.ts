import { z } from 'zod';
import { imageFormat } from './images.ts';

/** Formats that are no images of the library, and are converted to qcow2 when a file is said to be one. */
export const foreignFormat = z.enum(['qed', 'parallels']);
export type ForeignFormat = z.infer<typeof foreignFormat>;

/** What a file that comes from outside may be said to be. */
export const arrivalFormat = z.enum([...imageFormat.options, ...foreignFormat.options]);
export type ArrivalFormat = z.infer<typeof arrivalFormat>;

/** Files with these names are such a format by their name. */
export const foreignNames: Readonly<Record<ForeignFormat, RegExp>> = {
  qed: /\.qed$/i,
  parallels: /\.(hds|parallels)$/i,
};

/**
 * What was done with a file of the host: `registered` where it lies, `renamed` on its disk, copied (`shared`: with the blocks of the
 * original, where the file system can), or written anew in another format.
 */
export const tookHow = z.enum(['registered', 'renamed', 'shared', 'copied', 'converted']);
export type TookHow = z.infer<typeof tookHow>;
