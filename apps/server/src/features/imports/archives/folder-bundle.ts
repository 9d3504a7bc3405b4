import { createReadStream } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openForReading } from '@strata/disk-image';
import { type Bundle, type BundleEntry, mostEntries } from './bundle.types.ts';

async function* read(path: string): AsyncGenerator<Buffer> {
  const { handle } = await openForReading(path);
  yield* createReadStream('', { fd: handle, highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>;
}

/** An OVF and the files that lie beside it, in no folder below or above. */
export const openFolder = async (ovfPath: string): Promise<Bundle> => {
  const folder = dirname(ovfPath);
  const entries: BundleEntry[] = [];
  for (const name of (await readdir(folder)).slice(0, mostEntries)) {
    const path = join(folder, name);
    const found = await lstat(path).catch(() => null);
    if (found?.isFile() === true) entries.push({ name, size: found.size, open: () => read(path) });
  }
  return { entries, close: () => Promise.resolve() };
};
