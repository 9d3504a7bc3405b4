import { readdir, readFile } from 'node:fs/promises';

/**
 * Who a process is: a pid alone is reused, and lives on as a zombie (security.md, DATA-19). Start time is in
 * clock ticks since boot, as the kernel says it.
 */
export interface ProcessIdentity {
  readonly bootId: string;
  readonly pid: number;
  readonly startTime: string;
}

/** Names the time since the host was last started. */
export const currentBoot = async (): Promise<string> =>
  (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();

/** State and start time of /proc/PID/stat. The name in parentheses may hold spaces and parentheses itself. */
export const parseStat = (stat: string): { state: string; startTime: string } | null => {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  // Field 22 of proc(5), the 20th behind the name.
  const startTime = fields[19];
  return state === undefined || state === '' || startTime === undefined ? null : { state, startTime };
};

/** Null when there is no such process, or only its remains. */
export const identify = async (pid: number): Promise<ProcessIdentity | null> => {
  try {
    const stat = parseStat(await readFile(`/proc/${pid}/stat`, 'utf8'));
    if (stat === null || stat.state === 'Z' || stat.state === 'X') return null;
    return { bootId: await currentBoot(), pid, startTime: stat.startTime };
  } catch {
    return null;
  }
};

/** True only for the very process that was identified before. */
export const isAlive = async (identity: ProcessIdentity): Promise<boolean> => {
  const now = await identify(identity.pid);
  return now !== null && now.startTime === identity.startTime && now.bootId === identity.bootId;
};

export const argumentsOf = async (pid: number): Promise<string[]> => {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0').slice(0, -1);
  } catch {
    return [];
  }
};

/** Null when there is no such process. */
export const parentOf = async (pid: number): Promise<number | null> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  // Field 4 of proc(5), the second behind the name.
  const parent = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
  return parent === undefined ? null : Number(parent);
};

/** Of everything that runs on this machine. */
export const allPids = async (): Promise<number[]> =>
  (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);

/** Whether the process was started as the QEMU of this machine: `-uuid` stands in its arguments. */
export const runsMachine = async (pid: number, uuid: string): Promise<boolean> => {
  const args = await argumentsOf(pid);
  const at = args.indexOf('-uuid');
  return at >= 0 && args[at + 1]?.toLowerCase() === uuid.toLowerCase();
};

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });

/** Waits for a process that is on its way out; false when it is still there after the time. */
export const waitForEnd = async (identity: ProcessIdentity, milliseconds: number): Promise<boolean> => {
  const until = performance.now() + milliseconds;
  while (await isAlive(identity)) {
    if (performance.now() > until) return false;
    await pause(20);
  }
  return true;
};

/** To exactly this process and no other that got its number. */
const signal = async (identity: ProcessIdentity, name: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
  if (!(await isAlive(identity))) return;
  try {
    process.kill(identity.pid, name);
  } catch {
    // Gone in between.
  }
};

export const killProcess = (identity: ProcessIdentity): Promise<void> => signal(identity, 'SIGKILL');

/** SIGTERM: QEMU writes out what it holds in memory, as at `quit`. */
export const terminateProcess = (identity: ProcessIdentity): Promise<void> => signal(identity, 'SIGTERM');
