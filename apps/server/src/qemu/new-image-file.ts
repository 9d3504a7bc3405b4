import { randomBytes } from 'node:crypto';
import { link, lstat, open, rename, rm, stat, unlink } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { AppError } from '../app-error.ts';
import { identify } from './process-identity.ts';
import { inWords } from './qemu-errors.ts';

/** Hidden from every scan; says who is making it, so that what a killed server left can be told from work going on. */
const partName = /^\.strata-(\d+)-(\d+)-[0-9a-f]+\.part$/;
/** Of a process in another container one sees neither pid nor start time. */
const abandonedAfterMs = 10 * 60_000;

let ownIdentity: ReturnType<typeof identify> | null = null;

const newPart = async (folder: string): Promise<string> => {
  ownIdentity ??= identify(process.pid);
  const self = await ownIdentity;
  const random = randomBytes(4).toString('hex');
  return join(folder, `.strata-${process.pid}-${self?.startTime ?? 0}-${random}.part`);
};

/** `link` refuses a name that is taken, `rename` would replace it; not every file system has links. */
const giveName = async (part: string, path: string): Promise<void> => {
  try {
    await link(part, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP') throw error;
    await (await open(path, 'wx', 0o600)).close();
    await rename(part, path);
    return;
  }
  await unlink(part);
};

const demandFree = async (path: string): Promise<void> => {
  const there = await lstat(path).catch(() => null);
  if (there !== null) throw Object.assign(new Error(`${path} exists already`), { code: 'EEXIST' });
};

/**
 * The file gets its name when it is complete: killed in the middle, nothing lies in the library that is no image.
 * Somebody else's file is never overwritten, as qemu-img itself would do in silence.
 */
export function intoNewFile(path: string, make: (file: string) => Promise<unknown>): Promise<void> {
  return inWords(`Creating ${path}`, async () => {
    if (!isAbsolute(path)) throw new AppError('internal-error', `${path} is not an absolute path.`);
    await demandFree(path);
    const part = await newPart(dirname(path));
    await (await open(part, 'wx', 0o600)).close();
    try {
      await make(part);
      await giveName(part, path);
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
  });
}

/**
 * The same for content that is at hand. `put` gives the file its name when it is on disk, and syncs the folder
 * (put-whole-file.ts), wherever that is done.
 */
export function putNewFile<Put>(path: string, put: (part: string) => Promise<Put>): Promise<Put> {
  return inWords(`Creating ${path}`, async () => {
    if (!isAbsolute(path)) throw new AppError('internal-error', `${path} is not an absolute path.`);
    return put(await newPart(dirname(path)));
  });
}

/** Whether `name` is that of a file on its way to an image. */
export const isPart = (name: string): boolean => partName.test(name);

/** Removes the file of a server that was killed while it made it; leaves it when somebody may still be at work. */
export const removeAbandonedPart = async (path: string): Promise<void> => {
  const [, pid, startTime] = partName.exec(basename(path)) ?? [];
  if (pid === undefined) return;
  const maker = await identify(Number(pid));
  if (maker?.startTime === startTime) return;
  const { mtimeMs } = await stat(path);
  if (Date.now() - mtimeMs > abandonedAfterMs) await rm(path, { force: true });
};
