import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { HostRoots } from './block-devices.ts';

/** A file system that is mounted. */
export interface Mount {
  /** Of what it says it lies on, and of what its name stands for: Btrfs says a number of its own. */
  readonly devices: readonly string[];
  readonly point: string;
  readonly readOnly: boolean;
}

/** What of the host lies on which devices, at one moment. */
export interface DeviceTree {
  readonly mounts: readonly Mount[];
  readonly swaps: readonly string[];
  /** The devices, disks and partitions, that carry what lies at this path. */
  carriersOf(path: string): Promise<ReadonlySet<string>>;
  /** A device, and all those it is made of, down to the disks. `throughFiles`: also those that the file of a loop device lies on. */
  below(majorMinor: string, throughFiles: boolean): Promise<ReadonlySet<string>>;
}

const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_all, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

/** As the kernel packs it into `st_rdev` for programs (glibc's makedev). */
const pairOf = (device: bigint): string => {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n);
  const minor = (device & 0xffn) | ((device >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
};

/** The device that a device file stands for; null: it is none. */
export const deviceOfNode = async (path: string): Promise<string | null> => {
  const found = await stat(path, { bigint: true }).catch(() => null);
  return found?.isBlockDevice() ? pairOf(found.rdev) : null;
};
export const majorMinorOf = pairOf;

const linesOf = async (path: string): Promise<string[]> =>
  (await readFile(path, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');

const readMounts = async (proc: string): Promise<Mount[]> => {
  const lines = await linesOf(join(proc, 'self/mountinfo'));
  const mounts = lines.map(async (line): Promise<Mount | null> => {
    const [before = '', after = ''] = line.split(' - ');
    const [, , majorMinor, , point] = before.split(' ');
    const [, source = '', options = ''] = after.split(' ');
    if (majorMinor === undefined || point === undefined) return null;
    const named = source.startsWith('/') ? await deviceOfNode(unescaped(source)) : null;
    // Of the file system, not of this mount of it: another one may be writable.
    const readOnly = options.split(',').includes('ro');
    return { devices: [majorMinor, ...(named === null ? [] : [named])], point: unescaped(point), readOnly };
  });
  return (await Promise.all(mounts)).filter((mount) => mount !== null);
};

const readSwaps = async (proc: string): Promise<string[]> => {
  const [, ...lines] = await linesOf(join(proc, 'swaps'));
  const devices = lines.map((line) => deviceOfNode(unescaped(line.split(/\s/)[0] ?? '')));
  return (await Promise.all(devices)).filter((device) => device !== null);
};

const isBelow = (path: string, point: string): boolean =>
  point === '/' || path === point || path.startsWith(`${point}/`);

export const readDeviceTree = async (roots: HostRoots): Promise<DeviceTree> => {
  const mounts = await readMounts(roots.proc);
  const swaps = await readSwaps(roots.proc);

  const mountedFor = async (path: string): Promise<readonly string[]> => {
    const real = await realpath(path).catch(() => path);
    const over = mounts.filter(({ point }) => isBelow(real, point));
    const longest = Math.max(0, ...over.map(({ point }) => point.length));
    // Of several at one place the last hides the others.
    return over.filter(({ point }) => point.length === longest).at(-1)?.devices ?? [];
  };

  const below = async (
    start: string,
    throughFiles: boolean,
    seen = new Set<string>(),
  ): Promise<ReadonlySet<string>> => {
    if (seen.has(start)) return seen;
    seen.add(start);
    const place = await realpath(join(roots.sys, 'dev/block', start)).catch(() => null);
    if (place === null) return seen;
    const deviceAt = async (folder: string): Promise<void> => {
      const found = (await readFile(join(folder, 'dev'), 'utf8').catch(() => '')).trim();
      if (found !== '') await below(found, throughFiles, seen);
    };
    const isPartition = (await readFile(join(place, 'partition')).catch(() => null)) !== null;
    if (isPartition) await deviceAt(dirname(place));
    for (const slave of await readdir(join(place, 'slaves')).catch(() => []))
      await deviceAt(join(place, 'slaves', slave));
    const file = await readFile(join(place, 'loop/backing_file'), 'utf8').catch(() => null);
    if (file !== null && throughFiles) {
      const path = file.replace(/\n$/, '');
      const node = await deviceOfNode(path);
      for (const device of node === null ? await mountedFor(path) : [node])
        await below(device, throughFiles, seen);
    }
    return seen;
  };

  const known = new Map<string, Promise<ReadonlySet<string>>>();
  const belowOnce = (majorMinor: string, throughFiles: boolean): Promise<ReadonlySet<string>> => {
    const key = `${majorMinor} ${throughFiles}`;
    const found = known.get(key) ?? below(majorMinor, throughFiles);
    known.set(key, found);
    return found;
  };

  return {
    ...{ mounts, swaps },
    below: belowOnce,
    carriersOf: async (path) => {
      const devices = await mountedFor(path);
      const found = await Promise.all(devices.map((device) => belowOnce(device, true)));
      return new Set(found.flatMap((each) => [...each]));
    },
  };
};
