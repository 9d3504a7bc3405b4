import { crc32 } from './crc32.ts';
import { headerCrc } from './gpt.ts';
import { viewOf } from './little-endian.ts';
import type { GptPlace } from './partition-table.types.ts';

export interface DiskWrite {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

const headerWith = (
  headerBytes: Uint8Array,
  fields: {
    readonly self: number;
    readonly alternate: number;
    readonly lastUsable: number;
    readonly entries: number;
  },
): Uint8Array => {
  const bytes = new Uint8Array(headerBytes);
  const view = viewOf(bytes);
  view.setBigUint64(24, BigInt(fields.self), true);
  view.setBigUint64(32, BigInt(fields.alternate), true);
  view.setBigUint64(48, BigInt(fields.lastUsable), true);
  view.setBigUint64(72, BigInt(fields.entries), true);
  view.setUint32(16, headerCrc(bytes, view.getUint32(12, true)), true);
  return bytes;
};

/**
 * A GPT for a disk of another size:
 *
 *     │ MBR │ header │ entries │ partitions …        │ entries │ header │   end of the disk
 *             └────────── names the other ────────────────────────┘
 *
 * In the order in which they are to be written: first the copy at its new place, where nothing is yet; then the first header,
 * which names it. Whenever it ends in between, one whole table is there. Firmware and systems refuse a table that says it
 * goes beyond the end of the disk.
 */
export const relocateGpt = (
  gpt: GptPlace,
  size: number,
  sectorSize: number,
): readonly [DiskWrite, DiskWrite, DiskWrite] => {
  const { headerBytes, entryBytes, entriesAt, entrySectors } = gpt;
  if (crc32(entryBytes) !== viewOf(headerBytes).getUint32(88, true))
    throw new Error('the entries do not fit the header');
  const last = Math.floor(size / sectorSize) - 1;
  const copyAt = last - entrySectors;
  const lastUsable = copyAt - 1;
  const backup = headerWith(headerBytes, { self: last, alternate: 1, lastUsable, entries: copyAt });
  const primary = headerWith(headerBytes, { self: 1, alternate: last, lastUsable, entries: entriesAt });
  const entries = new Uint8Array(entrySectors * sectorSize);
  entries.set(entryBytes);
  return [
    { offset: copyAt * sectorSize, bytes: entries },
    { offset: last * sectorSize, bytes: backup },
    { offset: sectorSize, bytes: primary },
  ];
};
