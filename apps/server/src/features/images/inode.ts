import { lstat } from 'node:fs/promises';

/**
 * What a file is known by under another name in its folder; null when there is none. Not its device: that number may be
 * another after the computer was started again.
 */
export const inodeOf = (path: string): Promise<string | null> =>
  lstat(path, { bigint: true }).then(
    ({ ino }) => ino.toString(),
    () => null,
  );
