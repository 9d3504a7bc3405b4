import { readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { readImageHeader } from '@strata/disk-image';
import { AppError } from '../app-error.ts';

const accessMode = 0o3;
const readAndWrite = 0o2;

const isWritable = async (pid: number, fd: string): Promise<boolean> => {
  const info = await readFile(`/proc/${pid}/fdinfo/${fd}`, 'utf8');
  const [, flags] = /^flags:\s*([0-7]+)$/m.exec(info) ?? [];
  return flags !== undefined && (Number.parseInt(flags, 8) & accessMode) === readAndWrite;
};

/** The named files that a process has open for reading and writing; what was closed meanwhile is left out. */
const writableFiles = async (pid: number): Promise<string[]> => {
  const paths = new Set<string>();
  for (const fd of await readdir(`/proc/${pid}/fd`)) {
    const path = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
    if (!path.startsWith('/') || path.startsWith('/dev/')) continue;
    if (await isWritable(pid, fd).catch(() => false)) paths.add(path);
  }
  return [...paths];
};

const standsOn = async (path: string, below: string): Promise<boolean> => {
  const name = (await readImageHeader(path).catch(() => null))?.backing?.string;
  return name !== undefined && (await realpath(resolve(dirname(path), name)).catch(() => '')) === below;
};

/**
 * The layer on top of `below` that a process writes, for when QEMU does not name it. Only the top of a chain is open for
 * writing, and only its header names that backing file.
 */
export const writtenOn = async (pid: number, below: string): Promise<string> => {
  const real = await realpath(below).catch(() => below);
  const found: string[] = [];
  for (const path of await writableFiles(pid)) if (await standsOn(path, real)) found.push(path);
  const [only] = found;
  if (only === undefined || found.length > 1)
    throw new AppError('qemu-unresponsive', `QEMU does not say which layer on ${real} the disk writes.`);
  return only;
};
