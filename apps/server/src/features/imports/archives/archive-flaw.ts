import { AppError } from '../../../app-error.ts';

/** What is wrong with an archive is the fault of whoever made it, and told. */
export const archiveFlaw = (filename: string, why: string, cause?: unknown): AppError =>
  new AppError('image-refused', `“${filename}” cannot be unpacked: ${why}`, {}, { cause });
