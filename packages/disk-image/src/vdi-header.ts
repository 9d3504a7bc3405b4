import { creatorText, demand, type HeaderReader, maxVirtualSize, type Reading } from './header-reader.ts';
import type { HeaderProblem } from './image-header.types.ts';

export interface VdiReading {
  creator?: string;
  virtualSize: number;
  problems: HeaderProblem[];
}

export const vdiSignature = 0xbeda107f;
const blockSize = 1024 ** 2;

const isZero = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0);

/** VirtualBox disk image, version 1.1, as QEMU takes it. */
export function* readVdiHeader(reader: HeaderReader, found: VdiReading): Reading<void> {
  const head = yield* reader.bytes(0, 512);
  // "<<< QEMU VM Virtual Disk Image >>>": the first line says who made it.
  const creator = creatorText(head.toString('latin1', 0, 64).replace(/^<<< | >>>\s*(?=\0|$)/g, ''));
  if (creator !== undefined) found.creator = creator;
  const version = head.readUInt32LE(68);
  demand(version === 0x00010001, 'unknown-feature', `VDI version 0x${version.toString(16)} is unknown.`);
  const size = head.readBigUInt64LE(368);
  demand(
    size > 0n && size <= BigInt(maxVirtualSize),
    'bad-size',
    `A virtual size of ${size} bytes is not taken.`,
  );
  found.virtualSize = Math.ceil(Number(size) / 512) * 512;
  const type = head.readUInt32LE(76);
  const parent = !isZero(head.subarray(424, 456));
  if (parent || type === 4)
    found.problems.push({ code: 'has-parent', message: 'It is the child of another VDI.' });
  const typeKnown = type === 1 || type === 2 || type === 4;
  demand(typeKnown, 'unknown-feature', `VDI type ${type} is unknown.`);
  const mapOffset = head.readUInt32LE(340);
  const dataOffset = head.readUInt32LE(344);
  const blocks = head.readUInt32LE(384);
  const aligned = mapOffset % 512 === 0 && dataOffset % 512 === 0;
  demand(aligned, 'damaged-header', 'The tables of the VDI are misplaced.');
  demand(head.readUInt32LE(360) === 512, 'unknown-feature', 'The sector size is not 512.');
  demand(head.readUInt32LE(376) === blockSize, 'unknown-feature', 'The block size is not 1 MiB.');
  const roomy = blocks <= 0x3fffffff && found.virtualSize <= blocks * blockSize;
  demand(roomy, 'damaged-header', 'The block map does not fit the virtual size.');
  demand(
    mapOffset + blocks * 4 <= reader.size,
    'truncated',
    'The block map lies beyond the end of the file.',
  );
}
