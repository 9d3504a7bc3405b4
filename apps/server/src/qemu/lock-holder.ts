import { readdir, readFile, readlink, realpath, stat } from 'node:fs/promises';
import { argumentsOf } from './process-identity.ts';

/**
 * Who holds QEMU's lock on an image. QEMU takes open-file-description locks, and the kernel names no owner for
 * these (`-1` in /proc/locks); then the open files of our own user's processes are looked through.
 */
export const lockHolder = async (path: string): Promise<{ pid: number; program: string } | null> => {
  const target = await realpath(path).catch(() => path);
  const { ino } = await stat(target).catch(() => ({ ino: -1 }));
  const locks = await readFile('/proc/locks', 'utf8').catch(() => '');
  if (!locks.split('\n').some((line) => line.includes(`:${ino} `))) return null;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    const files = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const file of files)
      if (
        (await readlink(`/proc/${pid}/fd/${file}`).catch(() => '')) === target &&
        Number(pid) !== process.pid
      )
        return { pid: Number(pid), program: (await argumentsOf(Number(pid)))[0] ?? '?' };
  }
  return null;
};
