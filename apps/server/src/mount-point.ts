import { readFile } from 'node:fs/promises';

/** `\040` and its kind, as the kernel writes white space in /proc/self/mountinfo (proc(5)). */
const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_all, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

const isBelow = (path: string, folder: string): boolean =>
  folder === '/' || path === folder || path.startsWith(`${folder}/`);

/** The mount point a real path lies below; of several at one place the last, which hides the others. */
export const mountPointIn = (mountinfo: string, path: string): string | null => {
  let best: string | null = null;
  for (const line of mountinfo.split('\n')) {
    const field = line.split(' ')[4];
    if (field === undefined) continue;
    const point = unescaped(field);
    if (isBelow(path, point) && point.length >= (best?.length ?? 0)) best = point;
  }
  return best;
};

/** Where the file system that holds this path is mounted; null when the kernel does not say. */
export const mountPointOf = async (path: string): Promise<string | null> => {
  const mountinfo = await readFile('/proc/self/mountinfo', 'utf8').catch(() => null);
  return mountinfo === null ? null : mountPointIn(mountinfo, path);
};
