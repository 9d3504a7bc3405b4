import { link, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../app-error.ts';
import { stampOf } from '../../file-stamp.ts';
import { convertContent } from '../../qemu/convert-image.ts';
import { contentsAreEqual, type WorkWatch } from '../../qemu/image-work.ts';
import { syncFolder } from '../../sync-files.ts';
import type { BringTarget, Brought } from './arrivals.ts';
import { placeOfFolder } from './folder-place.ts';
import { demandFreeSpace } from './free-space.ts';
import { spaceOf } from './host-file.ts';
import { inodeOf } from './inode.ts';
import type { NewFile, NewFiles } from './new-files.ts';

/** Of file systems that know no second name for a file, or not for this one. */
const cannotLink: readonly unknown[] = ['EXDEV', 'EPERM', 'EMLINK', 'ENOSYS', 'EOPNOTSUPP', 'ENOTSUP'];

const failedFor = (error: unknown, codes: readonly unknown[]): void => {
  if (!codes.includes((error as NodeJS.ErrnoException).code)) throw error;
};

/** Of a file that stays somebody's: what was read must be what was there all the time. */
const unlessWritten = async <Result>(path: string, work: () => Promise<Result>): Promise<Result> => {
  const before = await stampOf(path);
  const result = await work();
  if (before === (await stampOf(path))) return result;
  throw new AppError('image-locked', `${path} was written while it was read. It stays as it is.`);
};

const converted = async (
  newFiles: NewFiles,
  path: string,
  file: NewFile,
  { foreign, useReserve }: BringTarget,
  watch: WorkWatch,
): Promise<NewFile> => {
  if (foreign === null) throw new Error(`${path} needs no conversion`);
  await demandFreeSpace(file.folder, await spaceOf(path), useReserve);
  const half = (offset: number): WorkWatch => ({
    ...watch,
    onProgress: (fraction) => watch.onProgress?.((offset + fraction) / 2),
  });
  return newFiles.makeFresh(file, async (part) => {
    await convertContent({ path, format: foreign }, part, { format: 'qcow2' }, half(0));
    const isSame = await contentsAreEqual(
      { path, format: foreign },
      { path: part, format: 'qcow2' },
      half(1),
    );
    if (!isSame)
      throw new AppError(
        'image-unreadable',
        `What ${path} was converted to does not read as it; it was removed.`,
      );
  });
};

/** Brings a judged file under a hidden name of its own into a folder of the library. Again and again the same. */
export const bringFile = async (
  newFiles: NewFiles,
  path: string,
  target: BringTarget,
  watch: WorkWatch,
): Promise<Brought> => {
  const { folder, name, format, foreign, how, tag, useReserve } = target;
  const part = join(folder, `.strata-${tag}.part`);
  const file: NewFile = { part, folder, name, format, key: null, place: await placeOfFolder(folder) };
  const copied = async (): Promise<Brought> => {
    await demandFreeSpace(folder, await spaceOf(path), useReserve);
    const made = await newFiles.makeFrom(file, { path, backing: null }, watch);
    return { file: made, how: made.shared === true ? 'shared' : 'copied' };
  };
  if (foreign !== null) {
    const make = () => converted(newFiles, path, file, target, watch);
    return { file: how === 'take' ? await make() : await unlessWritten(path, make), how: 'converted' };
  }
  if (how === 'copy') return unlessWritten(path, copied);
  if (how === 'link') {
    const key = await inodeOf(path);
    try {
      // What an attempt has left of a copy goes; a second name of the file is what is wished for.
      if ((await inodeOf(part)) !== key) {
        await unlink(part).catch((error: unknown) => failedFor(error, ['ENOENT']));
        await link(path, part);
      }
      await syncFolder(folder);
      return { file: { ...file, key }, how: 'renamed' };
    } catch (error) {
      failedFor(error, cannotLink);
      return unlessWritten(path, copied);
    }
  }
  const key = await inodeOf(path);
  try {
    if (key !== null) await rename(path, part);
    await syncFolder(folder);
    return { file: { ...file, key: await inodeOf(part) }, how: 'renamed' };
  } catch (error) {
    failedFor(error, ['EXDEV']);
    const made = await newFiles.makeFrom(file, { path, backing: null }, watch);
    await unlink(path);
    return { file: made, how: 'copied' };
  }
};
