import { stat } from 'node:fs/promises';
import type { CompactUsage, ExtentList } from '@strata/backing-chain';
import type { ImageFormat } from '@strata/contract';
import { type LayerUsage, readQcow2Usage, readRawUsage } from '@strata/disk-image';
import { AppError } from '../../app-error.ts';

/** So much is read within the time that a plan may take; of more than that, pieces spread over all of it. */
const budget = 256 * 1024 ** 2;

const contentOf = async (
  { path, format }: { readonly path: string; readonly format: ImageFormat },
  held: () => Promise<ExtentList>,
): Promise<LayerUsage> => {
  if (format === 'raw') return readRawUsage(path, await held(), { budget });
  const usage = format === 'qcow2' ? await readQcow2Usage(path, { budget }) : null;
  if (usage !== null) return usage;
  if (format === 'qcow2')
    throw new AppError(
      'image-unreadable',
      `The tables of ${path} cannot be read whole. Check the image first.`,
    );
  throw new AppError('not-possible', `${path} is ${format}: only qcow2 and raw can be compacted.`);
};

/** `held`: of a raw image, what is no hole. */
export const usageOf = async (
  image: { readonly path: string; readonly format: ImageFormat },
  held: () => Promise<ExtentList>,
): Promise<CompactUsage> => {
  const { nlink } = await stat(image.path);
  return { ...(await contentOf(image, held)), otherNames: nlink - 1 };
};
