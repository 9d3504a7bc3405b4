import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';

export type ProgramKind = 'server' | 'vm' | 'daemon' | 'tool';

/** A process that has the data folder's name on its command line: whatever a server on that folder has started, and it. */
export interface Program {
  readonly pid: number;
  readonly kind: ProgramKind;
  readonly command: string;
}

const kindOf = (command: string): ProgramKind => {
  if (/^\S*qemu-system-/.test(command)) return 'vm';
  if (/^\S*qemu-storage-daemon/.test(command)) return 'daemon';
  return /--data-dir/.test(command) ? 'server' : 'tool';
};

/** Gone between two looks, or a zombie, which has no command line: not running. */
const commandOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
};

export const programsOn = (dataDir: string): Program[] =>
  readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid)
    .map((pid) => ({ pid, command: commandOf(pid) }))
    .filter(({ command }) => command.includes(basename(dataDir)))
    .map(({ pid, command }) => ({ pid, kind: kindOf(command), command }));

/** `kill -9`; false when it had ended already. */
export const killNow = (pid: number): boolean => {
  try {
    process.kill(pid, 'SIGKILL');
    return true;
  } catch {
    return false;
  }
};
