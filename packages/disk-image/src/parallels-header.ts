import { demand, type HeaderReader, maxVirtualSize, type Reading } from './header-reader.ts';
import type { HeaderProblem } from './image-header.types.ts';

export interface ParallelsReading {
  virtualSize: number;
  problems: HeaderProblem[];
}

export const isParallels = (start: string): boolean =>
  start.startsWith('WithoutFreeSpace') || start.startsWith('WithouFreSpacExt');

const headBytes = 64;
const sector = 512;
/** Written while somebody has it open. */
const openedMark = 0x746f6e59;
/** Blocks of 1 MiB: a disk of 240 GiB. QEMU looks through tables of any size. */
const maxCheckedEntries = 240 * 1024;

const checkBlocks = (table: Buffer, unit: number, fileSize: number): void => {
  for (let at = 0; at < table.length; at += 4) {
    const block = table.readUInt32LE(at);
    // The last block of a file may be shorter than a block.
    const inside = block === 0 || block * unit * sector < fileSize;
    demand(inside, 'truncated', 'A block lies beyond the end of the file.');
  }
};

/** Parallels' expanding disk (`.hds`), as QEMU's driver reads it (block/parallels.c): one file, no parent in its header. */
export function* readParallelsHeader(reader: HeaderReader, found: ParallelsReading): Reading<void> {
  const head = yield* reader.bytes(0, headBytes);
  const version = head.readUInt32LE(16);
  demand(version === 2, 'unknown-feature', `Version ${version} of Parallels disks is unknown.`);
  const isExtended = head.toString('latin1', 0, 16) === 'WithouFreSpacExt';
  const [blockSectors, entries] = [head.readUInt32LE(28), head.readUInt32LE(32)];
  const blockFits = blockSectors > 0 && blockSectors <= 0x7fffffff / 513;
  demand(blockFits, 'damaged-header', `Blocks of ${blockSectors} sectors are wrong.`);
  // The older kind counts its sectors in 32 bits.
  const sectors = isExtended ? head.readBigUInt64LE(36) : BigInt(head.readUInt32LE(36));
  const bytes = sectors * BigInt(sector);
  const sizeFits = bytes > 0n && bytes <= BigInt(maxVirtualSize);
  demand(sizeFits, 'bad-size', `A virtual size of ${bytes} bytes is not taken.`);
  found.virtualSize = Number(bytes);
  const reaches = entries <= 0x7fffffff / 4 && entries * blockSectors * sector >= found.virtualSize;
  demand(reaches, 'damaged-header', 'The block table is too small for the virtual size.');
  const tableInside = headBytes + entries * 4 <= reader.size;
  demand(tableInside, 'truncated', 'The block table lies beyond the end of the file.');
  const hasExtension = head.readBigUInt64LE(56) !== 0n;
  demand(
    !hasExtension,
    'unknown-feature',
    'It has an extension (dirty bitmaps), which Strata does not read.',
  );
  if (head.readUInt32LE(44) === openedMark) {
    const message =
      'It was not closed properly: it must be checked first (qemu-img check -f parallels -r all).';
    found.problems.push({ code: 'needs-repair', message });
  }
  if (entries <= maxCheckedEntries)
    checkBlocks(yield* reader.bytes(headBytes, entries * 4), isExtended ? blockSectors : 1, reader.size);
}
