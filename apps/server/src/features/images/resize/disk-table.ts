import { type PartitionTable, readPartitionTable } from '@strata/partition-table';
import type { NbdReader } from '../../../qemu/nbd-client.ts';
import type { ImageFile } from '../../../qemu/qemu-img.ts';
import { readingContent } from '../../../qemu/read-content.ts';

const tableOf = (reader: NbdReader, size = reader.size): Promise<PartitionTable> =>
  readPartitionTable(async (offset, length) => {
    const there = Math.max(0, Math.min(length, reader.size - offset));
    return there === 0 ? new Uint8Array(0) : reader.read(offset, there);
  }, size);

/** The partition table of the disk that an image shows through its chain. `size`: as it were a disk of so many bytes. */
export const diskTable = (
  image: ImageFile,
  how: { readonly runDir: string; readonly signal: AbortSignal },
  size?: number,
): Promise<PartitionTable> => readingContent(image, how, (reader) => tableOf(reader, size));
