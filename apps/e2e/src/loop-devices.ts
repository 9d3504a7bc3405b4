import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const losetup = (...args: string[]): string =>
  execFileSync('losetup', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();

export interface LoopDevice {
  readonly path: string;
  readonly name: string;
}

/** Files of a test as block devices. */
export interface LoopDevices {
  readonly folder: string;
  attach(file: string): LoopDevice;
  detach(): void;
  /** All of them, and the files. */
  dispose(): void;
}

export const loopDevices = (): LoopDevices => {
  const folder = mkdtempSync(join(tmpdir(), 'strata-loops-'));
  const attached: string[] = [];
  return {
    folder,
    attach: (file) => {
      const path = losetup('--find', '--show', file);
      attached.push(path);
      return { path, name: path.replace('/dev/', '') };
    },
    detach: () => {
      for (const path of attached.splice(0)) losetup('--detach', path);
    },
    dispose() {
      this.detach();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

/** Why there are none on this machine; null: there are. */
export const loopRefusal = (): string | null => {
  const loops = loopDevices();
  const file = join(loops.folder, 'file');
  writeFileSync(file, '');
  truncateSync(file, 1024 ** 2);
  try {
    loops.attach(file);
    return null;
  } catch (error) {
    return `this machine gives no loop devices: ${error instanceof Error ? error.message.split('\n').slice(0, 2).join(' ') : String(error)}`;
  } finally {
    loops.dispose();
  }
};
