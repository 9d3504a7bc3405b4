import { access, constants, readFile } from 'node:fs/promises';
import { findProgram } from '../capabilities.ts';
import { runLimited } from '../limited-process.ts';
import { light } from '../qemu-img.ts';

/** Why no file can be served on this host; null: one can. */
export const fuseRefusal = async (): Promise<string | null> => {
  const usable = await access('/dev/fuse', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  if (!usable)
    return 'This host has no usable /dev/fuse, so no file can be served. Load the module (sudo modprobe fuse; in a container: --device /dev/fuse), or export over NBD.';
  if (findProgram('fusermount3') === null)
    return 'fusermount3 is missing (Debian: apt-get install fuse3; Fedora, Arch: the package fuse3). Install it, or export over NBD.';
  return null;
};

/** As /proc/self/mountinfo writes a path. */
const escaped = (path: string): string =>
  path.replace(/[ \t\n\\]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);

export const isMounted = async (path: string): Promise<boolean> =>
  (await readFile('/proc/self/mountinfo', 'utf8')).includes(` ${escaped(path)} `);

/** A storage daemon that was killed leaves its mount behind, which leads nowhere (qemu-recipes.md §13). */
export const dropMount = async (path: string): Promise<void> => {
  if (!(await isMounted(path))) return;
  await runLimited('fusermount3', ['-u', '-z', '--', path], light);
};
