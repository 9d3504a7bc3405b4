import { closeSync, fsyncSync, openSync } from 'node:fs';

/** What was written to a file, or which names a folder has, outlives a power failure from here on. */
export const syncPath = (path: string): void => {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
};
