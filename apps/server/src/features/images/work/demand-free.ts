import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../../app-error.ts';
import { lockHolder } from '../../../qemu/lock-holder.ts';

const patience = 60;

/** A qemu-img of a server that was killed may still be at work on it; it ends by itself. `again`: "check again". */
export const demandFree = async (path: string, resumed: boolean, again: string): Promise<void> => {
  for (let second = 0; ; second += 1) {
    const holder = await lockHolder(path);
    if (holder === null) return;
    if (!resumed || second === patience)
      throw new AppError(
        'image-locked',
        `${holder.program} (process ${holder.pid}) has ${path} open. Close it there, then ${again}.`,
      );
    await delay(1000);
  }
};
