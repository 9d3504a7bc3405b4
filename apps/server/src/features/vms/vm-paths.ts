import { join } from 'node:path';
import { AppError } from '../../app-error.ts';
import type { Config } from '../../config.ts';
import type { LaunchSockets } from '../../qemu/argv/launch.types.ts';

/** `sun_path` of the kernel holds 108 bytes, with the zero at the end. */
const longestSocketPath = 107;

export interface VmPaths {
  /** Logs, pictures, UEFI variables; 0700. */
  readonly folder: string;
  readonly log: string;
  readonly screen: string;
  readonly uefiVars: string;
  readonly pidFile: string;
  /** Saved memories. */
  readonly memoryFolder: string;
  readonly socketFolder: string;
  /** Where QEMU and Strata hand a memory to each other. */
  readonly memorySocket: string;
  readonly sockets: LaunchSockets;
  readonly serialLogs: readonly string[];
}

type Folders = Pick<Config, 'dataDir' | 'runDir'>;

/** Where everything of a VM lies. Socket names are one or two letters: their whole path must stay short. */
export const vmPaths = (folders: Folders, vmId: string, serialPorts: number): VmPaths => {
  const folder = join(folders.dataDir, 'vms', vmId);
  const socketFolder = join(folders.runDir, vmId);
  const ports = Array.from({ length: serialPorts }, (_, port) => port);
  return {
    folder,
    log: join(folder, 'qemu.log'),
    screen: join(folder, 'screen.png'),
    uefiVars: join(folder, 'uefi-vars.fd'),
    memoryFolder: join(folder, 'memory'),
    socketFolder,
    memorySocket: join(socketFolder, 'm'),
    pidFile: join(socketFolder, 'pid'),
    sockets: {
      control: join(socketFolder, 'c'),
      tools: join(socketFolder, 't'),
      vnc: join(socketFolder, 'v'),
      agent: join(socketFolder, 'g'),
      serial: ports.map((port) => join(socketFolder, `s${port}`)),
    },
    serialLogs: ports.map((port) => join(folder, `serial${port}.log`)),
  };
};

/** Throws `path-too-long`, saying what to choose, before QEMU would. */
export const checkSocketPaths = (paths: VmPaths): void => {
  const longest = join(paths.socketFolder, 's0');
  const length = Buffer.byteLength(longest);
  if (length > longestSocketPath)
    throw new AppError(
      'path-too-long',
      `The socket path ${longest} has ${length} bytes; a unix socket takes at most ${longestSocketPath}. Set XDG_RUNTIME_DIR, or choose a data folder with a shorter path (--data-dir).`,
    );
};
