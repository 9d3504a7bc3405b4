import { chmod, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../../app-error.ts';
import type { WorkWatch } from '../../../qemu/image-work.ts';
import { firstDifference } from './same-files.ts';

/** Where an image is read back to. */
export const proofOf = (beside: string): string => `${beside}.read`;

/** Of its own accord ext4 has a folder for what a check finds. */
const ownFolder = 'lost+found';

const openFolders = async (folder: string): Promise<void> => {
  await chmod(folder, 0o700);
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isDirectory()) await openFolders(join(folder, entry.name));
};

/** Also folders that nobody may write into, as they were in the image. */
export const removeTree = async (folder: string): Promise<void> => {
  try {
    await rm(folder, { recursive: true, force: true });
  } catch {
    await openFolders(folder);
    await rm(folder, { recursive: true, force: true });
  }
};

/** What is read back must be, byte by byte, what is in the folder; throws. */
export const proveIn = async (
  { folder, beside }: { readonly folder: string; readonly beside: string },
  watch: WorkWatch,
  what: string,
  readInto: (proof: string) => Promise<void>,
): Promise<void> => {
  const proof = proofOf(beside);
  await removeTree(proof);
  await mkdir(proof, { recursive: true, mode: 0o700 });
  try {
    await readInto(proof);
    const isOwn = !(await readdir(folder)).includes(ownFolder);
    if (isOwn) await removeTree(join(proof, ownFolder));
    const difference = await firstDifference(folder, proof, watch);
    if (difference !== null)
      throw new AppError(
        'not-possible',
        `${what} does not read as the files it was made of, at “${difference.slice(0, 200)}”: they were changed meanwhile, or their names cannot be kept. It was removed.`,
      );
  } finally {
    await removeTree(proof);
  }
};
