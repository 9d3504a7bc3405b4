import type { FileHandle } from 'node:fs/promises';
import { driveReading, driveReadingSync } from './drive-reading.ts';
import {
  HeaderFlaw,
  type HeaderReader,
  hasControlCharacters,
  headerReader,
  maxVirtualSize,
  type Reading,
} from './header-reader.ts';
import type { HeaderProblem, ImageHeader, ImageKind } from './image-header.types.ts';
import { openForReading } from './open-for-reading.ts';
import { isParallels, readParallelsHeader } from './parallels-header.ts';
import { qcow2Magic, readQcow2Header } from './qcow2-header.ts';
import { readQedHeader } from './qed-header.ts';
import { readVdiHeader, vdiSignature } from './vdi-header.ts';
import { isFixedVhdFooter, readVhdHeader, vhdCookie } from './vhd-header.ts';
import { readVhdxHeader } from './vhdx-header.ts';
import { readVmdkDescriptorFile, readVmdkHeader } from './vmdk-header.ts';

type Draft = { -readonly [Key in keyof ImageHeader]: ImageHeader[Key] } & { problems: HeaderProblem[] };

const refusedKinds = {
  qcow1: 'qcow, version 1',
  bochs: 'Bochs',
  cloop: 'cloop',
  dmg: 'an Apple disk image',
} as const;

/** Read closely all the same: what somebody says is of such a format is converted, and never opened in place. */
const convertedKinds = { qed: 'QED', parallels: 'a Parallels disk' } as const;

const latin1 = (bytes: Buffer, start: number, end: number): string => bytes.toString('latin1', start, end);

/** After comments and empty lines, the first line of a VMDK descriptor tells its version. */
const isVmdkDescriptor = (text: string): boolean => {
  const first = text.split('\n').find((line) => line.trim() !== '' && !line.startsWith('#'));
  return first !== undefined && /^\s*version=\d/i.test(first);
};

/** By the first bytes, as QEMU's own probing goes; but a file that ends within its header is still of that format. */
const kindByStart = (head: Buffer): ImageKind | null => {
  const magic = head.length >= 4 ? head.readUInt32BE(0) : 0;
  if (magic === qcow2Magic) return head.length >= 8 && head.readUInt32BE(4) === 1 ? 'qcow1' : 'qcow2';
  const start = latin1(head, 0, 32);
  if (start.startsWith('KDMV') || start.startsWith('COWD')) return 'vmdk';
  if (start.startsWith('vhdxfile')) return 'vhdx';
  if (start.startsWith(vhdCookie)) return 'vpc';
  if (start.startsWith('QED\0')) return 'qed';
  if (isParallels(start)) return 'parallels';
  if (start.startsWith('Bochs Virtual HD Image')) return 'bochs';
  if (start.startsWith('#!/bin/sh\n#V2.0 Format')) return 'cloop';
  if (head.length >= 68 && head.readUInt32LE(64) === vdiSignature) return 'vdi';
  if (isVmdkDescriptor(latin1(head, 0, 2048))) return 'vmdk';
  return null;
};

function* isoVolume(reader: HeaderReader): Reading<boolean> {
  const descriptor = yield* reader.upTo(32_768, 6);
  return descriptor.length === 6 && ['CD001', 'BEA01'].includes(latin1(descriptor, 1, 6));
}

function* identify(reader: HeaderReader): Reading<{ kind: ImageKind; footer: Buffer }> {
  const kind = kindByStart(yield* reader.upTo(0, 4096));
  // Only what does not begin like an image can be one by its end.
  if (kind !== null) return { kind, footer: Buffer.alloc(0) };
  const footer = yield* reader.upTo(Math.max(0, reader.size - 512), 512);
  if (isFixedVhdFooter(footer, reader.size)) return { kind: 'vpc', footer };
  if (latin1(footer, 0, 4) === 'koly') return { kind: 'dmg', footer };
  return { kind: (yield* isoVolume(reader)) ? 'iso' : 'raw', footer };
}

function* readByKind(reader: HeaderReader, draft: Draft, footer: Buffer): Reading<void> {
  const head = yield* reader.upTo(0, 512);
  switch (draft.kind) {
    case 'qcow2':
      return yield* readQcow2Header(reader, draft);
    case 'vmdk':
      if (latin1(head, 0, 4) === 'KDMV') return yield* readVmdkHeader(reader, draft);
      if (latin1(head, 0, 4) === 'COWD')
        throw new HeaderFlaw('refused-format', 'It is a VMDK of an old kind (COWD).');
      return yield* readVmdkDescriptorFile(reader, draft);
    case 'vdi':
      return yield* readVdiHeader(reader, draft);
    case 'vhdx':
      return yield* readVhdxHeader(reader, draft);
    case 'vpc':
      return yield* readVhdHeader(reader, latin1(head, 0, 8) === vhdCookie ? head : footer, draft);
    case 'qed':
      draft.problems.push(onlyConverted(draft.kind));
      return yield* readQedHeader(reader, draft);
    case 'parallels':
      draft.problems.push(onlyConverted(draft.kind));
      return yield* readParallelsHeader(reader, draft);
    default:
      return readPlain(reader, draft);
  }
}

const onlyConverted = (kind: keyof typeof convertedKinds): HeaderProblem => ({
  code: 'refused-format',
  message: `It is ${convertedKinds[kind]}. Strata takes such a file in only by converting it to qcow2, when its format is said.`,
});

/** Without a header the disk is the file, rounded up to whole sectors as QEMU does. */
const readPlain = (reader: HeaderReader, draft: Draft): void => {
  if (draft.kind in refusedKinds) {
    const name = refusedKinds[draft.kind as keyof typeof refusedKinds];
    throw new HeaderFlaw(
      'refused-format',
      `It is ${name}, a format Strata does not take. Convert it to qcow2 first.`,
    );
  }
  draft.virtualSize = Math.ceil(reader.size / 512) * 512;
  if (draft.virtualSize === 0) throw new HeaderFlaw('bad-size', 'The file is empty.');
  if (draft.virtualSize > maxVirtualSize) throw new HeaderFlaw('bad-size', 'The disk is larger than 64 TiB.');
};

const checkBackingName = (draft: Draft): void => {
  if (draft.backing !== null && hasControlCharacters(draft.backing.string)) {
    draft.problems.push({
      code: 'bad-backing-name',
      message: 'The backing file name has control characters.',
    });
  }
};

const asProblem = (error: unknown): HeaderProblem => {
  if (error instanceof HeaderFlaw) return { code: error.code, message: error.message };
  return { code: 'unreadable', message: error instanceof Error ? error.message : String(error) };
};

function* readHeader(size: number): Reading<ImageHeader> {
  const draft: Draft = { kind: 'unknown', fileSize: size, virtualSize: 0, backing: null, problems: [] };
  try {
    const reader = headerReader(size);
    const { kind, footer } = yield* identify(reader);
    draft.kind = kind;
    yield* readByKind(reader, draft, footer);
  } catch (error) {
    draft.problems.push(asProblem(error));
  }
  checkBackingName(draft);
  return draft;
}

const readFrom = async (handle: FileHandle, size?: number): Promise<ImageHeader> =>
  driveReading(handle, readHeader(size ?? (await handle.stat()).size));

const unreadable = (error: unknown): ImageHeader => ({
  kind: 'unknown',
  fileSize: 0,
  virtualSize: 0,
  backing: null,
  problems: [asProblem(error)],
});

/**
 * What a file says about itself, from at most 1 MiB of it. Never throws: whatever is wrong with the file is in
 * `problems`, and then nothing of it may be given to QEMU. `size`: that of the file, where it is known already.
 */
export const readImageHeader = async (source: string | FileHandle, size?: number): Promise<ImageHeader> => {
  try {
    if (typeof source !== 'string') return await readFrom(source, size);
    const { handle } = await openForReading(source);
    try {
      return await readFrom(handle);
    } finally {
      await handle.close();
    }
  } catch (error) {
    return unreadable(error);
  }
};

/** {@link readImageHeader} of an open file, for a thread that may wait for the disk. */
export const readImageHeaderSync = (fd: number, size: number): ImageHeader =>
  driveReadingSync(fd, readHeader(size));
