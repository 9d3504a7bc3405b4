import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const losetup = (...args: string[]): string =>
  execFileSync('losetup', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();

/** A file as a block device, detached at the end of the test. */
export interface LoopDevice {
  readonly path: string;
  readonly name: string;
  readonly file: string;
  /** The kernel looks anew how long the file is: like a medium that shrinks or goes. */
  resized(): void;
  detach(): void;
  /** Whatever is there by now. */
  detachNow(): void;
}

export const attachLoop = (file: string, ...options: string[]): LoopDevice => {
  const path = losetup('--find', '--show', ...options, file);
  let attached = true;
  return {
    ...{ path, file, name: path.replace('/dev/', '') },
    resized: () => void losetup('--set-capacity', path),
    detachNow: () => {
      losetup('--detach', path);
      attached = false;
    },
    detach: () => {
      if (attached) losetup('--detach', path);
      attached = false;
    },
  };
};
/** Another file in the same place: another medium. False: it is taken. */
export const attachLoopAt = (path: string, file: string): boolean => {
  try {
    losetup(path, file);
    return true;
  } catch {
    return false;
  }
};

/** Why there is nothing to test with; null: there is. */
export const loopRefusal = (): string | null => {
  const folder = mkdtempSync(join(tmpdir(), 'strata-loop-'));
  const file = join(folder, 'file');
  writeFileSync(file, '');
  truncateSync(file, 1024 ** 2);
  try {
    attachLoop(file).detach();
    return null;
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    return `this machine gives no loop devices: ${words.split('\n').slice(0, 2).join(' ')}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** A file that answers with an error where it is said to, and slowly if wished for: a block driver of QEMU, seen through FUSE. */
export const badFile = async (
  image: string,
  mountpoint: string,
  how: {
    readonly sectors?: readonly number[];
    readonly bytesPerSecond?: number;
    readonly writable?: boolean;
  },
): Promise<() => Promise<void>> => {
  writeFileSync(mountpoint, '');
  const size = statSync(image).size;
  const errors = (how.sectors ?? []).map((sector) => ({ event: 'none', iotype: 'read', errno: 5, sector }));
  const file = { driver: 'file', filename: image };
  const broken = { driver: 'blkdebug', image: file, 'inject-error': errors };
  const raw = { driver: 'raw', file: errors.length > 0 ? broken : file };
  const limits = { 'bps-total': how.bytesPerSecond ?? 0 };
  const child = spawn(
    'qemu-storage-daemon',
    [
      ...['--object', JSON.stringify({ 'qom-type': 'throttle-group', id: 'group', limits })],
      ...[
        '--blockdev',
        JSON.stringify({ driver: 'throttle', 'throttle-group': 'group', 'node-name': 'n', file: raw }),
      ],
      '--export',
      JSON.stringify({
        type: 'fuse',
        id: 'e',
        'node-name': 'n',
        mountpoint,
        writable: how.writable === true,
      }),
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const exited = once(child, 'exit');
  while (statSync(mountpoint).size !== size) {
    if (child.exitCode !== null) throw new Error('qemu-storage-daemon did not export the file');
    await sleep(20);
  }
  return async () => {
    child.kill('SIGTERM');
    await exited;
  };
};
