import { type ImageHeader, readImageHeader, safetyProblems } from '@strata/disk-image';
import { AppError } from '../app-error.ts';

/** What the header of a qcow2 image says, read here: a process for each would take longer than most work it is for. */
export async function readQcow2Header(path: string): Promise<ImageHeader> {
  const header = await readImageHeader(path);
  const [problem] = safetyProblems(header);
  if (header.kind !== 'qcow2')
    throw new AppError(
      'image-unreadable',
      `${path} cannot be read as qcow2: ${problem?.message ?? header.kind}`,
    );
  if (problem !== undefined) throw new AppError('image-refused', `${path}: ${problem.message}`);
  return header;
}
