import type { DiskContents } from '@strata/contract';
import { type DiskDescription, describeDisk } from '@strata/file-systems';
import type { ImageFile } from '../../../qemu/qemu-img.ts';
import { type ReadHow, readingContent } from '../../../qemu/read-content.ts';

const told = (found: DiskDescription): DiskContents => ({
  scheme: found.table.scheme,
  sectorSize: found.table.sectorSize,
  problems: found.table.problems.map(({ message }) => message),
  items: found.partitions.map(({ label, fileSystem, ...partition }) => ({
    ...partition,
    name: label,
    fileSystem: fileSystem?.kind ?? null,
    label: fileSystem?.label ?? null,
    content: fileSystem === null ? null : { ...fileSystem, notes: [...fileSystem.notes] },
  })),
  whole: found.whole === null ? null : { ...found.whole, notes: [...found.whole.notes] },
  boot: found.boot.map((way) => ({ ...way })),
  system: found.system,
  blank: found.isBlank,
});

/** A few kilobytes of each partition, through the whole chain, in nobody's way. */
export const readDisk = (image: ImageFile, how: Omit<ReadHow, 'aside'>): Promise<DiskContents> =>
  readingContent(image, { ...how, aside: true }, async (reader) =>
    told(await describeDisk((offset, length) => reader.read(offset, length), reader.size)),
  );
