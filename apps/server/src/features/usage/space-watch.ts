import type { Problem } from '@strata/contract';
import { nextLevel, type SpaceLevel } from './space-level.ts';
import { type FileSystemFacts, fileSystemOf, usedFile } from './used-files.ts';

/** A file that a running VM writes. */
export interface GrowingFile {
  readonly path: string;
  readonly virtualSize: number;
}

export interface SpaceWatchDeps {
  /** The data folder and those of the library. */
  folders(): readonly string[];
  growing(): readonly GrowingFile[];
  /** Something writes: a VM runs, or an operation. */
  isBusy(): boolean;
  /** A warning has come, changed or gone. */
  changed(): void;
  readonly now?: () => number;
}

export interface SpaceWatch {
  /** Looks now; answers what there is to be said of the disks. */
  look(): Promise<Problem[]>;
  /** Soon, after something that may have changed it. */
  soon(): void;
  start(): void;
  stop(): void;
}

const everyMs = 30_000;
const soonMs = 2_000;
/** The pace is that of the last minutes; of less than one nothing is concluded. */
const windowMs = 10 * 60_000;
const leastMs = 60_000;

interface Sample {
  readonly at: number;
  readonly bytes: number;
}
interface Growth {
  rate: number;
  promised: number;
}

const size = (bytes: number): string =>
  bytes >= 1024 ** 3 ? `${(bytes / 1024 ** 3).toFixed(1)} GiB` : `${Math.floor(bytes / 1024 ** 2)} MiB`;
const duration = (seconds: number): string =>
  seconds < 5400 ? `${Math.max(1, Math.round(seconds / 60))} minutes` : `${Math.round(seconds / 3600)} hours`;

const problemOf = (
  level: Exclude<SpaceLevel, 'ok'>,
  system: FileSystemFacts,
  folders: readonly string[],
  fullInSeconds: number | null,
): Problem => {
  const pace =
    fullInSeconds === null
      ? ''
      : ` At the pace of the VMs that run it is full in about ${duration(fullInSeconds)}; they stand still then.`;
  return {
    code: level === 'urgent' ? 'disk-nearly-full' : 'disk-filling',
    message: `Only ${size(system.free)} of ${size(system.total)} are free where ${folders.join(' and ')} ${folders.length === 1 ? 'is' : 'are'}.${pace}`,
    repair: 'The page Space says what could be freed there.',
  };
};

/**
 * Watches the disks that Strata writes to, by plain calls to the file system: now and then while something writes, and
 * after what may have changed them.
 */
export const createSpaceWatch = ({
  folders,
  growing,
  isBusy,
  changed,
  now = Date.now,
}: SpaceWatchDeps): SpaceWatch => {
  const levels = new Map<string, SpaceLevel>();
  const samples = new Map<string, Sample[]>();
  let told = '[]';
  let interval: NodeJS.Timeout | undefined;
  let waiting: NodeJS.Timeout | undefined;

  /** By device: how quickly the files of running VMs grow, and how far they can. */
  const growth = async (): Promise<Map<string, Growth>> => {
    const at = now();
    const found = new Map<string, Growth>();
    const files = growing();
    for (const path of samples.keys()) if (!files.some((file) => file.path === path)) samples.delete(path);
    for (const { path, virtualSize } of files) {
      const file = await usedFile(path);
      if (file === null) continue;
      const known = [...(samples.get(path) ?? []), { at, bytes: file.bytes }].filter(
        (sample) => at - sample.at <= windowMs,
      );
      samples.set(path, known);
      const first = known[0] ?? { at, bytes: file.bytes };
      const elapsed = at - first.at;
      const on = found.get(file.device) ?? { rate: 0, promised: 0 };
      on.promised += Math.max(0, virtualSize - file.bytes);
      if (elapsed >= leastMs) on.rate += Math.max(0, ((file.bytes - first.bytes) * 1000) / elapsed);
      found.set(file.device, on);
    }
    return found;
  };

  const look = async (): Promise<Problem[]> => {
    const paths = [...new Set(folders())];
    const systems = await Promise.all(paths.map(fileSystemOf));
    const growths = await growth();
    const problems: Problem[] = [];
    for (const [index, system] of systems.entries()) {
      if (system === null || systems.findIndex((other) => other?.id === system.id) !== index) continue;
      const { rate, promised } = growths.get(system.id) ?? { rate: 0, promised: 0 };
      // What can grow by less than is free fills nothing.
      const fullInSeconds = rate > 0 && promised > system.free ? system.free / rate : null;
      const level = nextLevel(levels.get(system.id) ?? 'ok', { ...system, fullInSeconds });
      levels.set(system.id, level);
      const inside = paths.filter((_, at) => systems[at]?.id === system.id);
      if (level !== 'ok') problems.push(problemOf(level, system, inside, fullInSeconds));
    }
    problems.sort((one, other) => (one.code === other.code ? 0 : one.code === 'disk-nearly-full' ? -1 : 1));
    const codes = JSON.stringify([...levels].filter(([, level]) => level !== 'ok'));
    if (codes !== told) {
      told = codes;
      changed();
    }
    return problems;
  };
  const quietly = (): void => void look().catch(() => {});

  return {
    look,
    soon: () => {
      waiting ??= setTimeout(() => {
        waiting = undefined;
        quietly();
      }, soonMs).unref();
    },
    start: () => {
      interval = setInterval(() => isBusy() && quietly(), everyMs).unref();
    },
    stop: () => {
      clearInterval(interval);
      clearTimeout(waiting);
    },
  };
};
