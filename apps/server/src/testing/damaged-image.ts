import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, rmSync, writeSync } from 'node:fs';

/** Opens a qcow2 image for writing in a process of its own and keeps it open. */
export const holdOpen = async (path: string, ...commands: string[]): Promise<{ close(): Promise<void> }> => {
  const child = spawn('qemu-io', ['-f', 'qcow2', path], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  for (const command of commands) child.stdin.write(`${command}\n`);
  return {
    close: async () => {
      child.stdin.end('quit\n');
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
};

const clusterSize = 65536;

const patched = (path: string, patch: (file: number, header: Buffer) => void): void => {
  const file = openSync(path, 'r+');
  try {
    const header = Buffer.alloc(104);
    readSync(file, header, 0, header.length, 0);
    patch(file, header);
  } finally {
    closeSync(file);
  }
};

/** The first block of reference counts, 16 bits each. */
const refcounts = (file: number, header: Buffer): number => {
  const block = Buffer.alloc(8);
  readSync(file, block, 0, 8, Number(header.readBigUInt64BE(48)));
  return Number(block.readBigUInt64BE(0));
};

/** One cluster more at the end of the file, taken by its reference count, which no table leads to. */
export const makeLeak = (path: string): void =>
  patched(path, (file, header) => {
    const cluster = Math.ceil(fstatSync(file).size / clusterSize);
    ftruncateSync(file, (cluster + 1) * clusterSize);
    writeSync(file, Buffer.from([0, 1]), 0, 2, refcounts(file, header) + cluster * 2);
  });

/** The data clusters in use are counted as free: the next write would overwrite them. */
export const clearRefcounts = (path: string): void =>
  patched(path, (file, header) => {
    const last = Math.floor(fstatSync(file).size / clusterSize) - 1;
    writeSync(file, Buffer.from([0, 0]), 0, 2, refcounts(file, header) + last * 2);
  });

/** The header no longer tells the format of its backing: the extension becomes one that QEMU passes over. */
export const forgetBackingFormat = (path: string): void =>
  patched(path, (file) => {
    const start = Buffer.alloc(4096);
    readSync(file, start, 0, start.length, 0);
    writeSync(file, Buffer.from('5a5a5a5a', 'hex'), 0, 4, start.indexOf(Buffer.from('e2792aca', 'hex')));
  });

export const rmFolder = (path: string): void => rmSync(path, { recursive: true, force: true });
