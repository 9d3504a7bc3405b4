import {
  checkedVirtualSize,
  creatorText,
  demand,
  type HeaderReader,
  headerText,
  type Reading,
  safeNumber,
} from './header-reader.ts';
import type { HeaderBacking, HeaderProblem, VmdkHeader } from './image-header.types.ts';

export interface VmdkReading {
  creator?: string;
  virtualSize: number;
  backing: HeaderBacking | null;
  problems: HeaderProblem[];
  vmdk?: VmdkHeader;
}

/** Kinds that are one file and name no other (security.md, 2.3). */
const selfContained = new Set(['monolithicSparse', 'streamOptimized']);
const maxDescriptorBytes = 64 * 1024;
const atEnd = 0xffffffffffffffffn;

interface Descriptor {
  createType: string | null;
  extents: string[];
  extentSectors: number;
  parent: string | null;
  parentId: string | null;
  creator: string | undefined;
}

/** No line names the program; each writes lines of its own (`ddb.` is the disk's data base). */
const creatorOf = (value: (key: string) => string | null): string | undefined => {
  const hardware = value('ddb\\.virtualHWVersion');
  const tools = value('ddb\\.toolsVersion') ?? value('ddb\\.toolsInstallType');
  if (value('ddb\\.uuid\\.image') !== null) return 'VirtualBox';
  if (value('ddb\\.comment') !== null) return creatorText(value('ddb\\.comment') ?? '');
  if (tools === null || hardware === null) return undefined;
  // QEMU writes these two, whatever it is told.
  if (hardware === '4' && tools === '2147483647') return 'QEMU';
  return creatorText(`VMware, virtual hardware ${hardware}`);
};

/** The text part (patterns stay within a line: a file of blanks must not cost quadratic time): `key="value"` lines and one line an extent, like `RW 20480 SPARSE "disk.vmdk"`. */
const parseDescriptor = (text: string): Descriptor => {
  const value = (key: string): string | null =>
    new RegExp(`^[ \\t]*${key}[ \\t]*=[ \\t]*"?([^"\\r\\n]*)"?`, 'mi').exec(text)?.[1]?.trim() ?? null;
  const extents = [
    ...text.matchAll(/^[ \t]*(?:RW|RDONLY|NOACCESS)[ \t]+(\d+)[ \t]+\S+(?:[ \t]+"([^"\r\n]*)")?/gim),
  ];
  return {
    createType: value('createType'),
    extents: extents.map((match) => match[2] ?? ''),
    extentSectors: extents.reduce((sum, match) => sum + Number(match[1]), 0),
    parent: value('parentFileNameHint'),
    parentId: value('parentCID'),
    creator: creatorOf(value),
  };
};

const applyDescriptor = (descriptor: Descriptor, found: VmdkReading): void => {
  if (descriptor.creator !== undefined) found.creator = descriptor.creator;
  found.vmdk = { createType: descriptor.createType, extents: descriptor.extents };
  const hasParentId = descriptor.parentId !== null && !/^f{8}$/i.test(descriptor.parentId);
  if (descriptor.parent !== null && descriptor.parent !== '') {
    found.backing = { string: descriptor.parent, format: 'vmdk' };
  }
  if (hasParentId || found.backing !== null) {
    found.problems.push({ code: 'has-parent', message: 'It is the child of another VMDK file.' });
  }
  if (descriptor.createType === null || !selfContained.has(descriptor.createType)) {
    const type = descriptor.createType ?? 'not told';
    const message = `Its kind (${type}) names other files, which Strata does not open. Convert it where it comes from.`;
    found.problems.push({ code: 'external-extents', message });
  } else if (descriptor.extents.length > 1) {
    found.problems.push({ code: 'external-extents', message: 'It consists of several files.' });
  }
};

/** A text file: always names other files. QEMU opens them even for `info` (CVE-2022-47951). */
export function* readVmdkDescriptorFile(reader: HeaderReader, found: VmdkReading): Reading<void> {
  const text = headerText(yield* reader.upTo(0, maxDescriptorBytes)) ?? '';
  const descriptor = parseDescriptor(text);
  found.virtualSize = Math.min(descriptor.extentSectors * 512, Number.MAX_SAFE_INTEGER);
  applyDescriptor({ ...descriptor, createType: descriptor.createType ?? 'descriptor' }, found);
  if (found.problems.every((problem) => problem.code !== 'external-extents')) {
    const message = 'It is only a description of other files, which Strata does not open.';
    found.problems.push({ code: 'external-extents', message });
  }
}

/** The grain directory and, when flag 1 says so, its copy. */
const checkDirectories = (head: Buffer, bytes: number, fileSize: number): void => {
  const copied = (head.readUInt32LE(8) & 2) !== 0;
  for (const at of copied ? [48, 56] : [56]) {
    const offset = safeNumber(head.readBigUInt64LE(at), 'The place of the grain directory') * 512;
    demand(offset + bytes <= fileSize, 'truncated', 'The grain directory lies beyond the end of the file.');
  }
};

const checkSparse = (head: Buffer, fileSize: number): void => {
  const version = head.readUInt32LE(4);
  const granularity = head.readBigUInt64LE(20);
  const entriesPerTable = BigInt(head.readUInt32LE(44));
  const capacity = head.readBigUInt64LE(12);
  demand(version >= 1 && version <= 3, 'unknown-feature', `VMDK version ${version} is unknown.`);
  const grainFits = granularity > 0n && granularity <= 0x200000n;
  demand(grainFits, 'damaged-header', 'The grain size is wrong.');
  demand(entriesPerTable > 0n && entriesPerTable <= 512n, 'damaged-header', 'The grain tables are wrong.');
  const directory = capacity / (granularity * entriesPerTable);
  demand(directory < 32n * 1024n * 1024n, 'damaged-header', 'The grain directory is too large.');
  checkDirectories(head, Number(directory) * 4 + 4, fileSize);
  const overhead = safeNumber(head.readBigUInt64LE(64), 'The size of the VMDK header') * 512;
  demand(overhead <= fileSize, 'truncated', 'The file ends before its first data.');
  const compression = head.readUInt16LE(77);
  demand(compression <= 1, 'unknown-feature', `VMDK compression ${compression} is unknown.`);
};

/** A stream-optimized file keeps the valid header at its end: marker, footer, end marker, 512 bytes each. */
function* footerOf(reader: HeaderReader): Reading<Buffer> {
  demand(reader.size >= 2048, 'truncated', 'The file ends before its footer.');
  const tail = yield* reader.bytes(reader.size - 1536, 1536);
  const marked = tail.readUInt32LE(8) === 0 && tail.readUInt32LE(12) === 3;
  const magic = tail.toString('latin1', 512, 516) === 'KDMV';
  const ended = tail.readBigUInt64LE(1024) === 0n && tail.readBigUInt64LE(1032) === 0n;
  demand(
    marked && magic && ended,
    'truncated',
    'The footer at its end is missing: the download may be incomplete.',
  );
  return tail.subarray(512, 1024);
}

export function* readVmdkHeader(reader: HeaderReader, found: VmdkReading): Reading<void> {
  const first = yield* reader.bytes(0, 512);
  const descriptorAt = safeNumber(first.readBigUInt64LE(28), 'The place of the VMDK descriptor') * 512;
  const descriptorBytes = safeNumber(first.readBigUInt64LE(36), 'The size of the VMDK descriptor') * 512;
  demand(
    descriptorAt > 0 && descriptorBytes > 0,
    'external-extents',
    'It is one part of a disk in several files.',
  );
  const descriptorFits = descriptorBytes <= maxDescriptorBytes && descriptorAt === 512;
  demand(descriptorFits, 'damaged-header', 'The VMDK descriptor is misplaced or too large.');
  const text = headerText(yield* reader.bytes(descriptorAt, descriptorBytes));
  demand(text !== null, 'damaged-header', 'The VMDK descriptor is not text.');
  applyDescriptor(parseDescriptor(text), found);
  const head = first.readBigUInt64LE(56) === atEnd ? yield* footerOf(reader) : first;
  found.virtualSize = checkedVirtualSize(head.readBigUInt64LE(12) * 512n);
  checkSparse(head, reader.size);
}
