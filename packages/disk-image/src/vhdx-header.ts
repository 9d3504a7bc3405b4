import { crc32c } from './crc32c.ts';
import {
  checkedVirtualSize,
  creatorText,
  demand,
  type HeaderReader,
  type Reading,
  safeNumber,
} from './header-reader.ts';
import type { HeaderBacking, HeaderProblem } from './image-header.types.ts';

export interface VhdxReading {
  creator?: string;
  virtualSize: number;
  backing: HeaderBacking | null;
  problems: HeaderProblem[];
}

const kib = 1024;
const headerBytes = 4 * kib;
const tableBytes = 64 * kib;

/** [MS-VHDX] 2.2.3.2 and 2.6.2: the GUIDs, as their bytes lie in the file. */
const guid = (text: string): string => {
  const [a = '', b = '', c = '', d = '', e = ''] = text.split('-');
  const reversed = (part: string): string => (part.match(/../g) ?? []).reverse().join('');
  return reversed(a) + reversed(b) + reversed(c) + d + e;
};
const region = {
  blockTable: guid('2dc27766-f623-4200-9d64-115e9bfd4a08'),
  metadata: guid('8b7ca206-4790-4b9a-b8fe-575f050f886e'),
} as const;
const item = {
  fileParameters: guid('caa16737-fa36-4d43-b3b6-33f0aa44e76b'),
  virtualSize: guid('2fa54224-cd1b-4876-b211-5dbed83bf4b8'),
  diskId: guid('beca12ab-b2e6-4523-93ef-c309e000c746'),
  physicalSector: guid('cda348c7-445d-4471-9cc9-e9885251c556'),
  logicalSector: guid('8141bf1d-a96f-4709-ba47-f233a8faab5f'),
  parentLocator: guid('a8d35f2d-b30b-454d-abf7-d3d84834ab0c'),
} as const;

const checksumHolds = (bytes: Buffer): boolean => {
  const copy = Buffer.from(bytes);
  copy.writeUInt32LE(0, 4);
  return crc32c(copy) === bytes.readUInt32LE(4);
};

function* activeHeader(reader: HeaderReader): Reading<Buffer> {
  const valid: Buffer[] = [];
  for (const offset of [64 * kib, 128 * kib]) {
    const header = yield* reader.bytes(offset, headerBytes);
    const sound = header.toString('latin1', 0, 4) === 'head' && header.readUInt16LE(66) === 1;
    if (sound && checksumHolds(header)) valid.push(header);
  }
  const [first, second] = valid;
  demand(first !== undefined, 'damaged-header', 'Both headers of the VHDX are damaged.');
  if (second === undefined) return first;
  return second.readBigUInt64LE(8) > first.readBigUInt64LE(8) ? second : first;
}

interface Place {
  offset: number;
  length: number;
}

function* readRegions(reader: HeaderReader): Reading<Record<'blockTable' | 'metadata', Place>> {
  const table = yield* reader.bytes(192 * kib, tableBytes);
  const sound = table.toString('latin1', 0, 4) === 'regi' && checksumHolds(table);
  demand(sound, 'damaged-header', 'The region table of the VHDX is damaged.');
  const count = table.readUInt32LE(8);
  demand(count <= 2047, 'damaged-header', 'The region table of the VHDX is damaged.');
  const found: Partial<Record<string, Place>> = {};
  for (let index = 0; index < count; index += 1) {
    const entry = table.subarray(16 + index * 32, 48 + index * 32);
    const name = entry.toString('hex', 0, 16);
    const required = (entry.readUInt32LE(28) & 1) === 1;
    const known = name === region.blockTable || name === region.metadata;
    demand(known || !required, 'unknown-feature', 'The VHDX needs a region this version does not know.');
    const place = {
      offset: safeNumber(entry.readBigUInt64LE(16), 'The place of a region'),
      length: entry.readUInt32LE(24),
    };
    const sane = place.offset >= 1024 * kib && place.offset % (1024 * kib) === 0 && place.length > 0;
    demand(sane && found[name] === undefined, 'damaged-header', 'The region table of the VHDX is damaged.');
    demand(
      place.offset + place.length <= reader.size,
      'truncated',
      'A region lies beyond the end of the file.',
    );
    found[name] = place;
  }
  const blockTable = found[region.blockTable];
  const metadata = found[region.metadata];
  demand(
    blockTable !== undefined && metadata !== undefined,
    'damaged-header',
    'A region of the VHDX is missing.',
  );
  return { blockTable, metadata };
}

function* readItems(reader: HeaderReader, place: Place): Reading<Map<string, Place>> {
  const table = yield* reader.bytes(place.offset, tableBytes);
  const sound = table.toString('latin1', 0, 8) === 'metadata';
  const count = table.readUInt16LE(10);
  demand(sound && count <= 2047, 'damaged-header', 'The metadata of the VHDX is damaged.');
  const items = new Map<string, Place>();
  const known = new Set<string>(Object.values(item));
  for (let index = 0; index < count; index += 1) {
    const entry = table.subarray(32 + index * 32, 64 + index * 32);
    const name = entry.toString('hex', 0, 16);
    const at = { offset: entry.readUInt32LE(16), length: entry.readUInt32LE(20) };
    const required = (entry.readUInt32LE(24) & 4) !== 0;
    demand(
      known.has(name) || !required,
      'unknown-feature',
      'The VHDX needs metadata this version does not know.',
    );
    const sane = at.offset >= tableBytes && at.offset + at.length <= place.length && !items.has(name);
    demand(sane, 'damaged-header', 'The metadata of the VHDX is damaged.');
    items.set(name, { offset: place.offset + at.offset, length: at.length });
  }
  return items;
}

/** Hyper-V's VHDX, as far as QEMU reads it: 512-byte sectors, no parent, an empty log. */
export function* readVhdxHeader(reader: HeaderReader, found: VhdxReading): Reading<void> {
  // [MS-VHDX] 2.2.1: 256 units of UTF-16 behind the signature.
  const creator = creatorText((yield* reader.bytes(8, 512)).toString('utf16le'));
  if (creator !== undefined) found.creator = creator;
  const header = yield* activeHeader(reader);
  const logIsEmpty = header.subarray(48, 64).every((byte) => byte === 0);
  if (!logIsEmpty) {
    const message = 'It was not closed properly: its log must be replayed first (qemu-img check -r all).';
    found.problems.push({ code: 'needs-repair', message });
  }
  demand(header.readUInt16LE(64) === 0, 'unknown-feature', 'The version of the log of the VHDX is unknown.');
  const regions = yield* readRegions(reader);
  const items = yield* readItems(reader, regions.metadata);
  function* bytesOf(name: string, length: number): Reading<Buffer> {
    const place = items.get(name);
    demand(
      place !== undefined && place.length >= length,
      'damaged-header',
      'Metadata of the VHDX is missing.',
    );
    return yield* reader.bytes(place.offset, length);
  }
  const parameters = yield* bytesOf(item.fileParameters, 8);
  const hasParent = (parameters.readUInt32LE(4) & 2) !== 0;
  if (hasParent || items.has(item.parentLocator)) {
    found.problems.push({ code: 'has-parent', message: 'It is the child of another VHDX.' });
  }
  found.virtualSize = checkedVirtualSize((yield* bytesOf(item.virtualSize, 8)).readBigUInt64LE(0));
  yield* bytesOf(item.diskId, 16);
  yield* bytesOf(item.physicalSector, 4);
  const sector = (yield* bytesOf(item.logicalSector, 4)).readUInt32LE(0);
  demand(sector === 512, 'unknown-feature', `Sectors of ${sector} bytes are not taken.`);
  const blockSize = parameters.readUInt32LE(0);
  const power = blockSize > 0 && (blockSize & (blockSize - 1)) === 0;
  demand(
    power && blockSize >= 1024 ** 2 && blockSize <= 256 * 1024 ** 2,
    'damaged-header',
    'The block size is wrong.',
  );
  const dataBlocks = Math.ceil(found.virtualSize / blockSize);
  const ratio = (2 ** 23 * sector) / blockSize;
  const entries = dataBlocks + Math.floor((dataBlocks - 1) / ratio);
  const roomy = entries * 8 <= regions.blockTable.length;
  demand(roomy, 'damaged-header', 'The block table is too small for the virtual size.');
}
