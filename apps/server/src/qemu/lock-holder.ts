import { readdir, readFile, readlink, realpath, stat } from 'node:fs/promises';
import { allPids, argumentsOf, parentOf } from './process-identity.ts';

export interface LockHolder {
  readonly pid: number;
  readonly program: string;
  /** A tool that this server has started itself. */
  readonly isOurs: boolean;
}

const holderOf = async (path: string): Promise<LockHolder | null> => {
  const target = await realpath(path).catch(() => path);
  for (const pid of await allPids()) {
    const files = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const file of files)
      if ((await readlink(`/proc/${pid}/fd/${file}`).catch(() => '')) === target && pid !== process.pid)
        return {
          pid,
          program: (await argumentsOf(pid))[0] ?? '?',
          isOurs: (await parentOf(pid)) === process.pid,
        };
  }
  return null;
};

/**
 * Who holds QEMU's lock on each of these images, by one look at the list of locks: the kernel makes everybody wait who locks
 * anything meanwhile, which takes it some milliseconds. QEMU takes open-file-description locks, and the kernel names no owner
 * for these (`-1` in /proc/locks); then the open files of our own user's processes are looked through.
 */
export const lockHolders = async (paths: readonly string[]): Promise<(LockHolder | null)[]> => {
  const inodes = await Promise.all(paths.map((path) => stat(path).catch(() => ({ ino: -1 }))));
  const locks = await readFile('/proc/locks', 'utf8').catch(() => '');
  return Promise.all(
    paths.map((path, at) => (locks.includes(`:${inodes[at]?.ino} `) ? holderOf(path) : null)),
  );
};

export const lockHolder = async (path: string): Promise<LockHolder | null> =>
  (await lockHolders([path]))[0] ?? null;

/** Why somebody else's program stands in the way, and what to do. */
export const openWords = (
  { program, pid }: LockHolder,
  ...files: ReadonlyArray<{ readonly name: string; readonly path: string }>
): string => {
  const names = files.map(({ name, path }) => `“${name}” (${path})`).join(' and ');
  return `${program} (process ${pid}) has ${names} open. Close it there first.`;
};
