import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

const written = (path: string, content: Uint8Array): void => {
  const fd = openSync(path, 'wx', 0o600);
  try {
    for (let at = 0; at < content.length; ) at += writeSync(fd, content, at, content.length - at, at);
    fdatasyncSync(fd);
  } finally {
    closeSync(fd);
  }
};

/** `link` refuses a name that is taken, `rename` would replace it; not every file system has links. */
const giveName = (part: string, path: string): void => {
  try {
    linkSync(part, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP') throw error;
    closeSync(openSync(path, 'wx', 0o600));
    renameSync(part, path);
    return;
  }
  rmSync(part);
};

const syncFolder = (path: string): void => {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
};

/** A whole file under its name, on disk with its name, or none. For a thread that may wait for the disk. */
export const putWholeFileSync = (part: string, path: string, content: Uint8Array): void => {
  try {
    written(part, content);
    giveName(part, path);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
  syncFolder(dirname(path));
};
