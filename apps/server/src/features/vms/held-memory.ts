import { readFile } from 'node:fs/promises';
import type { VmHardware } from './vm-record.types.ts';

/** What a saved state holds beside the guest's memory: devices, video memory, the picture of the screen. */
const devices = 48 * 1024 ** 2;

/**
 * At most so many bytes a file with the guest's memory would have. Memory that the guest has never touched is in no
 * process and needs none; null: the process does not say.
 */
export const heldMemory = async (pid: number, { definition }: VmHardware): Promise<number | null> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => null);
  if (status === null) return null;
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024;
  const touched = field('VmRSS') + field('VmSwap');
  return Math.min(definition.memory, touched) + devices;
};
