import {
  checkedVirtualSize,
  demand,
  type HeaderReader,
  headerText,
  type Reading,
  safeNumber,
} from './header-reader.ts';
import type { HeaderBacking, HeaderProblem, Qcow2Header } from './image-header.types.ts';
import { type Qcow2Extensions, readQcow2Extensions } from './qcow2-extensions.ts';
import { readQcow2Snapshots } from './qcow2-snapshots.ts';

export const qcow2Magic = 0x514649fb;

/** docs/interop/qcow2.txt of QEMU: incompatible feature bits. */
const feature = { dirty: 1n, corrupt: 2n, dataFile: 4n, compression: 8n, extendedL2: 16n } as const;
const knownFeatures = 31n;
const maxL1Bytes = 32 * 1024 ** 2;
const maxRefcountTableBytes = 8 * 1024 ** 2;
/** QEMU takes 65,536, and then needs seconds and megabytes for `info` (security.md, 2.1). */
const maxSnapshots = 256;

export interface Qcow2Reading {
  virtualSize: number;
  backing: HeaderBacking | null;
  problems: HeaderProblem[];
  qcow2?: Qcow2Header;
}

interface Fixed {
  version: 2 | 3;
  backingOffset: number;
  backingLength: number;
  clusterBits: number;
  size: bigint;
  cryptMethod: number;
  l1Entries: number;
  l1Offset: number;
  refcountOffset: number;
  refcountClusters: number;
  snapshotCount: number;
  snapshotOffset: bigint;
  incompatible: bigint;
  compatible: bigint;
  autoclear: bigint;
  refcountOrder: number;
  headerLength: number;
  compressionType: number;
}

function* readFixed(reader: HeaderReader): Reading<Fixed> {
  const head = yield* reader.bytes(0, 72);
  const version = head.readUInt32BE(4);
  demand(version === 2 || version === 3, 'unknown-feature', `qcow2 version ${version} is unknown.`);
  const backingOffset = safeNumber(head.readBigUInt64BE(8), 'The place of the backing file name');
  const fixed: Fixed = {
    version,
    backingOffset,
    backingLength: head.readUInt32BE(16),
    clusterBits: head.readUInt32BE(20),
    size: head.readBigUInt64BE(24),
    cryptMethod: head.readUInt32BE(32),
    l1Entries: head.readUInt32BE(36),
    l1Offset: safeNumber(head.readBigUInt64BE(40), 'The place of the L1 table'),
    refcountOffset: safeNumber(head.readBigUInt64BE(48), 'The place of the refcount table'),
    refcountClusters: head.readUInt32BE(56),
    snapshotCount: head.readUInt32BE(60),
    snapshotOffset: head.readBigUInt64BE(64),
    incompatible: 0n,
    compatible: 0n,
    autoclear: 0n,
    refcountOrder: 4,
    headerLength: 72,
    compressionType: 0,
  };
  if (version === 2) return fixed;
  const more = yield* reader.bytes(72, 32);
  fixed.incompatible = more.readBigUInt64BE(0);
  fixed.compatible = more.readBigUInt64BE(8);
  fixed.autoclear = more.readBigUInt64BE(16);
  fixed.refcountOrder = more.readUInt32BE(24);
  fixed.headerLength = more.readUInt32BE(28);
  if (fixed.headerLength > 104) fixed.compressionType = (yield* reader.bytes(104, 1)).readUInt8(0);
  return fixed;
}

const checkFixed = (fixed: Fixed): void => {
  const { clusterBits, headerLength, incompatible, compressionType } = fixed;
  const clusterSize = 2 ** clusterBits;
  demand(
    clusterBits >= 9 && clusterBits <= 21,
    'damaged-header',
    `Cluster bits ${clusterBits} are not 9–21.`,
  );
  const lengthFits = fixed.version === 2 || (headerLength >= 104 && headerLength < clusterSize);
  demand(
    lengthFits && headerLength % 8 === 0,
    'damaged-header',
    `A header length of ${headerLength} is wrong.`,
  );
  demand(fixed.refcountOrder <= 6, 'damaged-header', `Refcount order ${fixed.refcountOrder} is unknown.`);
  demand(compressionType <= 1, 'unknown-feature', `Compression type ${compressionType} is unknown.`);
  const compressionBit = (incompatible & feature.compression) !== 0n;
  demand(
    compressionBit === (compressionType !== 0),
    'damaged-header',
    'The compression type contradicts itself.',
  );
  const subclustersFit = (incompatible & feature.extendedL2) === 0n || clusterBits >= 14;
  demand(subclustersFit, 'damaged-header', 'Subclusters need clusters of at least 16 KiB.');
};

const checkTables = (fixed: Fixed, fileSize: number, virtualSize: number): void => {
  const clusterSize = 2 ** fixed.clusterBits;
  const table = (what: string, offset: number, bytes: number, most: number): void => {
    demand(bytes <= most, 'damaged-header', `${what} is too large (${bytes} bytes).`);
    demand(offset % clusterSize === 0, 'damaged-header', `${what} is not at the start of a cluster.`);
    demand(offset + bytes <= fileSize, 'truncated', `${what} lies beyond the end of the file.`);
  };
  demand(fixed.refcountClusters > 0, 'damaged-header', 'There is no refcount table.');
  const refcountBytes = fixed.refcountClusters * clusterSize;
  table('The refcount table', fixed.refcountOffset, refcountBytes, maxRefcountTableBytes);
  table('The L1 table', fixed.l1Offset, fixed.l1Entries * 8, maxL1Bytes);
  const l2EntryBytes = (fixed.incompatible & feature.extendedL2) === 0n ? 8 : 16;
  const needed = Math.ceil(virtualSize / ((clusterSize / l2EntryBytes) * clusterSize));
  demand(fixed.l1Entries >= needed, 'damaged-header', 'The L1 table is too small for the virtual size.');
};

function* readBackingName(reader: HeaderReader, fixed: Fixed): Reading<string | null> {
  if (fixed.backingOffset === 0) return null;
  const room = Math.min(1023, 2 ** fixed.clusterBits - fixed.backingOffset);
  demand(fixed.backingLength <= room, 'bad-backing-name', 'The backing file name does not fit its place.');
  demand(
    fixed.backingOffset >= fixed.headerLength,
    'bad-backing-name',
    'The backing file name lies in the header.',
  );
  const bytes = yield* reader.bytes(fixed.backingOffset, fixed.backingLength);
  if (bytes.length === 0 || bytes[0] === 0) return null;
  const text = headerText(bytes);
  demand(text !== null, 'bad-backing-name', 'The backing file name is not text.');
  return text;
}

const encryptions = ['none', 'aes', 'luks'] as const;

const soundButRefused = (fixed: Fixed, extensions: Qcow2Extensions): HeaderProblem[] => {
  const problems: HeaderProblem[] = [];
  const unknown = fixed.incompatible & ~knownFeatures;
  if (unknown !== 0n) {
    const message = `It needs features this version does not know (bits 0x${unknown.toString(16)}).`;
    problems.push({ code: 'unknown-feature', message });
  }
  if ((fixed.incompatible & feature.corrupt) !== 0n) {
    problems.push({ code: 'corrupt', message: 'It is marked as corrupt: repair it with qemu-img check -r.' });
  }
  if ((fixed.incompatible & feature.dataFile) !== 0n || extensions.dataFile !== undefined) {
    const message = `Its data lies in another file (${extensions.dataFile ?? 'not named'}), which Strata does not open.`;
    problems.push({ code: 'external-data-file', message });
  }
  if (fixed.cryptMethod !== 0) problems.push({ code: 'encrypted', message: 'It is encrypted.' });
  return problems;
};

/**
 * qcow2 version 2 and 3. Fills `found` as it goes, so that a flaw further down leaves what was read before it:
 * a backing file is told even when the tables are nonsense.
 */
export function* readQcow2Header(reader: HeaderReader, found: Qcow2Reading): Reading<void> {
  const fixed = yield* readFixed(reader);
  checkFixed(fixed);
  const name = yield* readBackingName(reader, fixed);
  if (name !== null) found.backing = { string: name, format: null };
  const extensions = yield* readQcow2Extensions(reader, {
    start: fixed.headerLength,
    end: fixed.backingOffset === 0 ? 2 ** fixed.clusterBits : fixed.backingOffset,
    version: fixed.version,
    clusterSize: 2 ** fixed.clusterBits,
    luks: fixed.cryptMethod === 2,
    bitmapsValid: (fixed.autoclear & 1n) !== 0n,
  });
  if (name !== null) found.backing = { string: name, format: extensions.backingFormat ?? null };
  found.problems.push(...soundButRefused(fixed, extensions));
  found.virtualSize = checkedVirtualSize(fixed.size);
  checkTables(fixed, reader.size, found.virtualSize);
  const tooMany = `It holds ${fixed.snapshotCount} internal snapshots; at most ${maxSnapshots} are taken.`;
  demand(fixed.snapshotCount <= maxSnapshots, 'too-many-snapshots', tooMany);
  const snapshots = yield* readQcow2Snapshots(reader, {
    offset: safeNumber(fixed.snapshotOffset, 'The place of the snapshot table'),
    count: fixed.snapshotCount,
    clusterSize: 2 ** fixed.clusterBits,
  });
  const dataFile = (fixed.incompatible & feature.dataFile) !== 0n || extensions.dataFile !== undefined;
  found.qcow2 = {
    version: fixed.version,
    clusterBits: fixed.clusterBits,
    headerLength: fixed.headerLength,
    incompatible: { bits: fixed.incompatible, unknown: fixed.incompatible & ~knownFeatures },
    compatible: fixed.compatible,
    autoclear: fixed.autoclear,
    dirty: (fixed.incompatible & feature.dirty) !== 0n,
    corrupt: (fixed.incompatible & feature.corrupt) !== 0n,
    extendedL2: (fixed.incompatible & feature.extendedL2) !== 0n,
    compression: fixed.compressionType === 1 ? 'zstd' : 'zlib',
    refcountBits: 2 ** fixed.refcountOrder,
    l1: { offset: fixed.l1Offset, entries: fixed.l1Entries },
    refcountTable: { offset: fixed.refcountOffset, clusters: fixed.refcountClusters },
    dataFile: dataFile ? { name: extensions.dataFile ?? null } : null,
    encryption: encryptions[fixed.cryptMethod] ?? 'unknown',
    snapshots,
    bitmaps: extensions.bitmaps,
  };
}
