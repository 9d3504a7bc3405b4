import {
  checkedVirtualSize,
  demand,
  type HeaderReader,
  headerText,
  type Reading,
  safeNumber,
} from './header-reader.ts';
import type { HeaderBacking, HeaderProblem } from './image-header.types.ts';

export interface QedReading {
  virtualSize: number;
  backing: HeaderBacking | null;
  problems: HeaderProblem[];
}

const feature = { backing: 1n, needCheck: 2n, backingIsRaw: 4n } as const;
const known = feature.backing | feature.needCheck | feature.backingIsRaw;
const longestBackingName = 1023;

const isPowerOfTwo = (value: number): boolean => value > 0 && (value & (value - 1)) === 0;

const backingOf = function* (
  reader: HeaderReader,
  head: Buffer,
  headerBytes: number,
): Reading<HeaderBacking> {
  const [at, length] = [head.readUInt32LE(56), head.readUInt32LE(60)];
  const fits = length <= longestBackingName && at + length <= headerBytes;
  demand(fits, 'damaged-header', 'The name of the backing file lies outside of the header.');
  const name = headerText(yield* reader.bytes(at, length));
  demand(name !== null, 'bad-backing-name', 'The backing file name is no text.');
  return { string: name, format: null };
};

/** QEMU Enhanced Disk, as its specification and QEMU's driver have it (block/qed.c). */
export function* readQedHeader(reader: HeaderReader, found: QedReading): Reading<void> {
  const head = yield* reader.bytes(0, 64);
  const [clusterSize, tableClusters, headerClusters] = [4, 8, 12].map((at) => head.readUInt32LE(at)) as [
    number,
    number,
    number,
  ];
  const clusterFits = isPowerOfTwo(clusterSize) && clusterSize >= 4096 && clusterSize <= 64 * 1024 ** 2;
  demand(clusterFits, 'damaged-header', `A cluster size of ${clusterSize} is wrong.`);
  const tableFits = isPowerOfTwo(tableClusters) && tableClusters <= 16;
  demand(tableFits, 'damaged-header', `Tables of ${tableClusters} clusters are wrong.`);
  const headerBytes = headerClusters * clusterSize;
  const headerFits = headerClusters > 0 && headerBytes <= reader.size;
  demand(headerFits, 'truncated', 'The file ends before its header does.');
  const features = head.readBigUInt64LE(16);
  demand((features & ~known) === 0n, 'unknown-feature', 'It uses features of QED that are unknown.');
  found.virtualSize = checkedVirtualSize(head.readBigUInt64LE(48));
  const entries = (tableClusters * clusterSize) / 8;
  const largest = BigInt(entries) * BigInt(entries) * BigInt(clusterSize);
  demand(BigInt(found.virtualSize) <= largest, 'bad-size', 'Its tables are too small for its virtual size.');
  const l1 = safeNumber(head.readBigUInt64LE(40), 'The place of the L1 table');
  const whole = Math.floor(reader.size / clusterSize) * clusterSize;
  const placed = l1 % clusterSize === 0 && l1 >= headerBytes && l1 + tableClusters * clusterSize <= whole;
  demand(placed, 'truncated', 'The L1 table lies beyond the end of the file.');
  if ((features & feature.backing) !== 0n) {
    found.backing = yield* backingOf(reader, head, headerBytes);
    found.problems.push({ code: 'has-parent', message: 'It stands on another file.' });
  }
  if ((features & feature.needCheck) !== 0n) {
    const message = 'It was not closed properly: it must be checked first (qemu-img check -f qed -r all).';
    found.problems.push({ code: 'needs-repair', message });
  }
}
