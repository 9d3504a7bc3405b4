import { open } from 'node:fs/promises';
import { dirname } from 'node:path';

const sync = async (path: string): Promise<void> => {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** A new or renamed name is only there after a power failure when its folder was synced too. */
export const syncFolder = (path: string): Promise<void> => sync(path);

export const syncWithFolder = async (path: string): Promise<void> => {
  await sync(path);
  await sync(dirname(path));
};
