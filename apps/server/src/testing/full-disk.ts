import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Mounting takes root; what needs it is left out without. */
export const canMount = process.getuid?.() === 0;

export interface SmallDisk {
  /** To the last byte. */
  fill(): void;
  free(): void;
  unmount(): void;
}

/** A file system of its own, in memory, over this folder. */
export const mountSmallDisk = (folder: string, megabytes: number): SmallDisk => {
  mkdirSync(folder, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder]);
  const ballast = join(folder, 'ballast');
  return {
    fill: () => {
      const file = openSync(ballast, 'a');
      for (const chunk of [Buffer.alloc(1024 ** 2), Buffer.alloc(4096)])
        try {
          for (;;) writeSync(file, chunk);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        }
      closeSync(file);
    },
    free: () => rmSync(ballast, { force: true }),
    unmount: () => void execFileSync('umount', ['-l', folder]),
  };
};

/** The disk's folder under another name, too; answers what takes that away again, as when a disk is unplugged. */
export const mountAlsoAt = (disk: string, folder: string): (() => void) => {
  mkdirSync(folder, { recursive: true });
  execFileSync('mount', ['--bind', disk, folder]);
  return () => void execFileSync('umount', ['-l', folder]);
};
