import { demand, type HeaderReader, type Reading, safeNumber } from './header-reader.ts';
import type { ExtensionArea } from './qcow2-extensions.ts';

const flaw = 'The directory of dirty bitmaps is damaged.';

/**
 * Dirty bitmaps are of no use to Strata, but QEMU loads their directory when it opens the image and refuses the
 * image when it is nonsense; so it is looked at. Answers how many there are.
 */
export function* checkQcow2Bitmaps(
  reader: HeaderReader,
  extension: Buffer,
  area: ExtensionArea,
): Reading<number> {
  demand(extension.length === 24, 'damaged-header', flaw);
  // QEMU ignores the whole extension then.
  if (area.version === 2 || !area.bitmapsValid) return 0;
  const count = extension.readUInt32BE(0);
  const reserved = extension.readUInt32BE(4);
  const size = safeNumber(extension.readBigUInt64BE(8), 'The size of the bitmap directory');
  const offset = safeNumber(extension.readBigUInt64BE(16), 'The place of the bitmap directory');
  demand(reserved === 0 && count > 0 && count <= 65_535, 'damaged-header', flaw);
  demand(offset > 0 && offset % area.clusterSize === 0, 'damaged-header', flaw);
  demand(size > 0 && size <= 65_535 * 1024 && offset + size <= reader.size, 'damaged-header', flaw);
  const directory = yield* reader.bytes(offset, size);
  let at = 0;
  for (let index = 0; index < count; index += 1) {
    demand(at + 24 <= size, 'damaged-header', flaw);
    at += checkedEntry(directory.subarray(at), area, reader.size);
  }
  demand(at === size, 'damaged-header', flaw);
  return count;
}

const checkedEntry = (entry: Buffer, area: ExtensionArea, fileSize: number): number => {
  const tableOffset = safeNumber(entry.readBigUInt64BE(0), 'The place of a bitmap');
  const tableEntries = entry.readUInt32BE(8);
  const flags = entry.readUInt32BE(12);
  const kind = entry.readUInt8(16);
  const granularityBits = entry.readUInt8(17);
  const nameLength = entry.readUInt16BE(18);
  const extraLength = entry.readUInt32BE(20);
  demand(extraLength === 0 && nameLength >= 1 && nameLength <= 1023, 'damaged-header', flaw);
  demand(kind === 1 && granularityBits >= 9 && granularityBits <= 31, 'damaged-header', flaw);
  demand((flags & ~3) === 0, 'damaged-header', flaw);
  demand(tableOffset % area.clusterSize === 0 && tableOffset > 0, 'damaged-header', flaw);
  demand(tableEntries <= 0x8000000 && tableOffset + tableEntries * 8 <= fileSize, 'damaged-header', flaw);
  const length = Math.ceil((24 + nameLength + extraLength) / 8) * 8;
  demand(length <= entry.length, 'damaged-header', flaw);
  return length;
};
