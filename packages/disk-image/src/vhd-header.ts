import {
  creatorText,
  demand,
  type HeaderReader,
  maxVirtualSize,
  type Reading,
  safeNumber,
} from './header-reader.ts';
import type { HeaderProblem } from './image-header.types.ts';

export interface VhdReading {
  creator?: string;
  virtualSize: number;
  problems: HeaderProblem[];
}

export const vhdCookie = 'conectix';
const diskType = { fixed: 2, dynamic: 3, differencing: 4 } as const;
const geometryLimit = 65_535 * 16 * 255;

const checksumHolds = (bytes: Buffer, at: number): boolean => {
  let sum = 0;
  for (const [index, byte] of bytes.entries()) if (index < at || index >= at + 4) sum += byte;
  return ~sum >>> 0 === bytes.readUInt32BE(at);
};

/** A VHD of fixed size is a raw disk with 512 bytes behind it; only a footer that proves itself counts. */
export const isFixedVhdFooter = (footer: Buffer, fileSize: number): boolean =>
  footer.length === 512 &&
  footer.toString('latin1', 0, 8) === vhdCookie &&
  footer.readUInt32BE(60) === diskType.fixed &&
  checksumHolds(footer, 64) &&
  footer.readBigUInt64BE(48) <= BigInt(fileSize - 512);

/**
 * The size as QEMU reckons it (block/vpc.c): from cylinders, heads and sectors, unless the program that made the
 * file is known to mean `current size`, or the geometry is at its limit.
 */
const sizeOf = (footer: Buffer): number => {
  const cylinders = footer.readUInt16BE(56);
  const geometry = cylinders * footer.readUInt8(58) * footer.readUInt8(59);
  const creator = footer.toString('latin1', 28, 32);
  const bySize = ['win ', 'd2v ', 'qem2', 'tap\0', 'CTXS', 'wa\0\0'].includes(creator);
  const current = safeNumber(footer.readBigUInt64BE(48), 'The virtual size');
  return bySize || geometry === geometryLimit ? Math.floor(current / 512) * 512 : geometry * 512;
};

/** Marks of four letters, as their programs write them. */
const creators: Readonly<Record<string, string>> = {
  'vpc ': 'Microsoft Virtual PC',
  'vs  ': 'Microsoft Virtual Server',
  'win ': 'Windows',
  qemu: 'QEMU',
  qem2: 'QEMU',
  vbox: 'VirtualBox',
  'd2v ': 'Disk2vhd',
  'tap\0': 'XenServer',
  CTXS: 'XenCenter',
  'wa\0\0': 'Azure',
};

const creatorOf = (footer: Buffer): string | undefined => {
  const mark = footer.toString('latin1', 28, 32);
  const name = creators[mark] ?? creatorText(mark);
  return name === undefined ? undefined : `${name} ${footer.readUInt16BE(32)}.${footer.readUInt16BE(34)}`;
};

/** Enough for 256 GiB in blocks of 2 MiB; QEMU looks through tables of any size. */
const maxCheckedTable = 512 * 1024;

const checkBlocks = (table: Buffer, blockSize: number, fileSize: number): void => {
  const bitmapSize = Math.ceil(blockSize / 4096 / 512) * 512;
  for (let at = 0; at < table.length; at += 4) {
    const sector = table.readUInt32BE(at);
    const end = sector * 512 + bitmapSize + blockSize;
    demand(sector === 0xffffffff || end <= fileSize, 'truncated', 'A block lies beyond the end of the file.');
  }
};

function* checkDynamic(reader: HeaderReader, footer: Buffer, found: VhdReading): Reading<void> {
  const at = safeNumber(footer.readBigUInt64BE(16), 'The place of the VHD header');
  const head = yield* reader.bytes(at, 1024);
  demand(
    head.toString('latin1', 0, 8) === 'cxsparse',
    'damaged-header',
    'The second header of the VHD is missing.',
  );
  demand(checksumHolds(head, 36), 'damaged-header', 'The second header of the VHD is damaged.');
  const blockSize = head.readUInt32BE(32);
  const power = blockSize >= 512 && (blockSize & (blockSize - 1)) === 0;
  demand(power, 'damaged-header', `A block size of ${blockSize} is wrong.`);
  const entries = head.readUInt32BE(28);
  const tableAt = safeNumber(head.readBigUInt64BE(16), 'The place of the block table');
  demand(entries * blockSize >= found.virtualSize, 'damaged-header', 'The block table is too small.');
  demand(
    tableAt + entries * 4 <= reader.size,
    'truncated',
    'The block table lies beyond the end of the file.',
  );
  if (entries * 4 <= maxCheckedTable)
    checkBlocks(yield* reader.bytes(tableAt, entries * 4), blockSize, reader.size);
}

/** Virtual PC's VHD; the footer is given by the caller, which knows where it lies. */
export function* readVhdHeader(reader: HeaderReader, footer: Buffer, found: VhdReading): Reading<void> {
  demand(footer.length === 512, 'truncated', 'The file ends before its footer does.');
  const creator = creatorOf(footer);
  if (creator !== undefined) found.creator = creator;
  const type = footer.readUInt32BE(60);
  if (type === diskType.differencing) {
    found.problems.push({
      code: 'has-parent',
      message: 'It is the child of another VHD (a differencing disk).',
    });
  } else {
    const known = type === diskType.fixed || type === diskType.dynamic;
    demand(known, 'unknown-feature', `VHD type ${type} is unknown.`);
  }
  demand(checksumHolds(footer, 64), 'damaged-header', 'The checksum of the VHD footer is wrong.');
  found.virtualSize = sizeOf(footer);
  const sane = found.virtualSize > 0 && found.virtualSize <= Math.min(maxVirtualSize, 0xff000000 * 512);
  demand(sane, 'bad-size', `A virtual size of ${found.virtualSize} bytes is not taken.`);
  if (type === diskType.fixed) {
    demand(found.virtualSize <= reader.size - 512, 'truncated', 'The file is shorter than its virtual disk.');
  } else {
    yield* checkDynamic(reader, footer, found);
  }
}
