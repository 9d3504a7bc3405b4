import { lstat } from 'node:fs/promises';
import { type CheckReport, checkImageFile, mendedFormats, type WorkWatch } from '../../../qemu/image-work.ts';
import { type ImageFile, readImageDetails } from '../../../qemu/qemu-img.ts';
import { hashedFileOf } from '../checksum/hash-file.ts';
import type { HashedFile } from '../checksum/remembered-checksum.ts';
import type { RememberedCheck } from '../image-memory.ts';

const clusterSizeOf = async (file: ImageFile): Promise<number> =>
  (await readImageDetails(file))['cluster-size'] ?? 0;

/** Taken before the file is read: what is written meanwhile makes it another file. */
export const fileStateNow = async (path: string): Promise<HashedFile> =>
  hashedFileOf(await lstat(path, { bigint: true }));

export const checkToRemember = async (
  file: ImageFile,
  left: CheckReport,
  state: HashedFile,
): Promise<RememberedCheck> => ({
  errors: left.errors,
  leaks: left.leaks,
  leakedBytes: left.leaks === 0 ? 0 : left.leaks * (await clusterSizeOf(file)),
  at: new Date().toISOString(),
  file: state,
});

/** Only what touches no contents: a file with errors is left as it is. */
export const mendsLeaks = ({ format }: ImageFile, found: CheckReport): boolean =>
  found.leaks > 0 && found.errors === 0 && mendedFormats.includes(format);

/** Looks, and gives lost clusters back when it shall; looks again before that is believed. */
export const checkInPassing = async (
  file: ImageFile,
  repair: 'leaks' | false,
  watch: WorkWatch,
): Promise<{ found: CheckReport; checked: RememberedCheck }> => {
  const before = await fileStateNow(file.path);
  const found = await checkImageFile(file, null, watch);
  if (repair === false || !mendsLeaks(file, found))
    return { found, checked: await checkToRemember(file, found, before) };
  await checkImageFile(file, 'leaks');
  const after = await fileStateNow(file.path);
  return { found, checked: await checkToRemember(file, await checkImageFile(file, null), after) };
};
