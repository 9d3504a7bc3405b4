import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const mebibyte = 1024 ** 2;
const sector = 512;

export const partitionOffset = mebibyte;
const fileSystemSize = 48 * mebibyte;
const diskSize = 64 * mebibyte;

/** Names that a guest may choose, and no page may take for anything but names. */
export const hostileNames = {
  reversed: 'photo\u202egnp.exe',
  broken: 'line\nbreak<img src=x onerror=alert(1)>.html',
  long: 'x'.repeat(250),
} as const;
export const manyFiles = 700;
export const notes = 'first line\n\tsecond line\n';
/** No text, and long enough that a download shows whether all of it came. */
export const blob = Buffer.from(Array.from({ length: 200_000 }, (_, at) => (at * 7) % 256));

/** The tools of ext4 lie where only root's PATH leads. */
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

/** Made of the kernel of this machine once, and not by each server of a test. */
export const keepAppliance = (): void => {
  const folder = fileURLToPath(new URL('../../../.cache/appliance', import.meta.url));
  mkdirSync(folder, { recursive: true });
  process.env.LIBGUESTFS_CACHEDIR ??= folder;
};

export const hasGuestfish = (): boolean => {
  try {
    execFileSync('guestfish', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

/** An entry of an MBR: `type` from sector `start` on. */
const entry = (type: number, start: number, sectors: number): Buffer => {
  const bytes = Buffer.alloc(16);
  bytes[4] = type;
  bytes.writeUInt32LE(start, 8);
  bytes.writeUInt32LE(sectors, 12);
  return bytes;
};

const bootRecord = (): Buffer => {
  const bytes = Buffer.alloc(sector);
  entry(0x83, partitionOffset / sector, fileSystemSize / sector).copy(bytes, 446);
  // Nothing is in it that could be opened.
  entry(0x82, (partitionOffset + fileSystemSize) / sector, (8 * mebibyte) / sector).copy(bytes, 462);
  bytes.writeUInt16LE(0xaa55, 510);
  return bytes;
};

const writeTree = (tree: string): void => {
  for (const folder of ['etc', 'home/user', 'many']) mkdirSync(join(tree, folder), { recursive: true });
  writeFileSync(join(tree, 'etc/hostname'), 'inside\n');
  writeFileSync(join(tree, 'notes.txt'), notes);
  writeFileSync(join(tree, 'blob.bin'), blob);
  for (const name of Object.values(hostileNames)) writeFileSync(join(tree, name), 'hostile\n');
  symlinkSync('../../../../etc/passwd', join(tree, 'out'));
  for (let number = 1; number <= manyFiles; number += 1)
    writeFileSync(join(tree, 'many', `file-${number}`), '');
};

/** A raw disk with a partition of ext4 in it, and one that cannot be opened. */
export const makeDiskWithFiles = (path: string): void => {
  const tree = `${path}.tree`;
  writeTree(tree);
  try {
    writeFileSync(path, '');
    truncateSync(path, diskSize);
    const where = `offset=${partitionOffset}`;
    const how = ['-q', '-F', '-t', 'ext4', '-L', 'root', '-E', where, '-d', tree];
    execFileSync('mke2fs', [...how, path, `${fileSystemSize / 1024}k`], { env });
    const file = openSync(path, 'r+');
    writeSync(file, bootRecord());
    closeSync(file);
  } finally {
    rmSync(tree, { recursive: true });
  }
};

/** A file of its file system, as the system's own tool reads it. */
export const readFromDisk = (path: string, name: string): Buffer =>
  execFileSync('debugfs', ['-R', `cat ${name}`, `${path}?offset=${partitionOffset}`], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });

/** Throws unless its file system is whole. */
export const checkDisk = (path: string): void => {
  execFileSync('e2fsck', ['-f', '-n', `${path}?offset=${partitionOffset}`], { env, stdio: 'pipe' });
};
