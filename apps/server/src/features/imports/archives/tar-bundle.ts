import { open } from 'node:fs/promises';
import { isTarFile, readTar, tarChunks } from '../../../read-tar.ts';
import { archiveFlaw } from './archive-flaw.ts';
import { type Bundle, type BundleEntry, mostEntries } from './bundle.types.ts';

/** The files in a tar archive, which an OVA is. Only its headers are read. */
export const openTar = async (path: string, filename: string): Promise<Bundle> => {
  const file = await open(path, 'r');
  try {
    const entries: BundleEntry[] = [];
    for await (const entry of readTar(file, (why) => archiveFlaw(filename, why))) {
      // Links, devices and folders are nothing to take in.
      if (!isTarFile(entry)) continue;
      const { name, size, start } = entry;
      entries.push({ name, size, open: () => tarChunks(file, start, size) });
      if (entries.length > mostEntries) throw archiveFlaw(filename, 'it holds more than 10,000 files.');
    }
    return { entries, close: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
};
