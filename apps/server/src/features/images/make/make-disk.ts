import { randomBytes } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { MakeDisk } from '@strata/contract';
import { recognizeFileSystem } from '@strata/file-systems';
import { newPartitionTable, type ReadDisk, readPartitionTable } from '@strata/partition-table';
import { AppError } from '../../../app-error.ts';
import { convertContent } from '../../../qemu/convert-image.ts';
import { contentsAreEqual, type WorkWatch } from '../../../qemu/image-work.ts';
import { checkExt4, readExt4, writeExt4 } from '../../../qemu/tools/ext4-tool.ts';
import { readFat, writeFat } from '../../../qemu/tools/fat-tool.ts';
import type { DiskLayout } from './disk-layout.ts';
import { proveIn } from './prove-files.ts';

export interface DiskForm
  extends DiskLayout,
    Pick<MakeDisk, 'fileSystem' | 'table' | 'format' | 'efi' | 'label'> {
  /** The files were staged by us: whoever the server is, they are root's. */
  readonly rootOwns: boolean;
  readonly entries: number;
}

export interface DiskMaking {
  readonly folder: string;
  readonly beside: string;
  readonly part: string;
  readonly form: DiskForm;
  readonly bytes: number;
}

/** What is there only while it is made. */
export const plainOf = (beside: string): string => `${beside}.raw`;
export const scratchOf = (beside: string): string => `${beside}.tmp`;

const types = {
  mbr: { ext4: '83', fat32: '0c', efi: 'ef' },
  gpt: {
    ext4: '0FC63DAF-8483-4772-8E79-3D69D8477DE4',
    fat32: 'EBD0A0A2-B9E5-4433-87C0-68B6B72699C7',
    efi: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
  },
} as const;
const typeOf = (scheme: 'mbr' | 'gpt', { fileSystem, efi }: DiskForm): string =>
  types[scheme][efi ? 'efi' : fileSystem];

const layTable = async (path: string, form: DiskForm): Promise<void> => {
  const { table: scheme, size, offset, length, label: name } = form;
  const file = await open(path, 'wx+', 0o600);
  try {
    await file.truncate(size);
    if (scheme === 'none') return;
    const type = typeOf(scheme, form);
    const table = { scheme, size, offset, length, type, name, random: randomBytes };
    for (const write of newPartitionTable(table)) await file.write(write.bytes, 0, null, write.offset);
  } finally {
    await file.close();
  }
};

const unlike = (what: string): AppError =>
  new AppError('not-possible', `The disk does not read as it was made (${what}); it was removed.`);

/** That everybody else finds the partition and the file system where they should be. */
const proveShape = async (path: string, form: DiskForm): Promise<void> => {
  const { table: scheme, size, offset, length, fileSystem } = form;
  const file = await open(path, 'r');
  try {
    const read: ReadDisk = async (at, count) => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(count), 0, count, at);
      return buffer.subarray(0, bytesRead);
    };
    const found = await readPartitionTable(read, size);
    const [partition, ...more] = found.partitions;
    const isRight =
      scheme === 'none'
        ? partition === undefined
        : partition?.offset === offset &&
          partition.size === length &&
          partition.type === typeOf(scheme, form);
    if (found.scheme !== scheme || found.problems.length > 0 || more.length > 0 || !isRight)
      throw unlike('its partition');
    const seen = await recognizeFileSystem((at, count) => read(offset + at, count), length);
    if (seen?.kind !== fileSystem || seen.label !== form.label) throw unlike('its file system');
  } finally {
    await file.close();
  }
};

const writeFiles = (
  { folder, beside, form, bytes }: DiskMaking,
  path: string,
  watch: WorkWatch,
): Promise<void> =>
  form.fileSystem === 'fat32'
    ? writeFat(folder, path, form, bytes, watch)
    : writeExt4({ folder, path, form, bytes, entries: form.entries, scratch: scratchOf(beside) }, watch);

const proveFiles = async (
  { folder, beside, form }: DiskMaking,
  path: string,
  watch: WorkWatch,
): Promise<void> => {
  if (form.fileSystem === 'ext4') await checkExt4(path, form.offset, watch);
  await proveIn({ folder, beside }, watch, 'The disk', async (proof) => {
    if (form.fileSystem === 'fat32') await readFat(path, form, proof, watch);
    else await readExt4(path, form.offset, proof, watch);
  });
};

const toQcow2 = async (plain: string, part: string, watch: WorkWatch): Promise<void> => {
  await convertContent({ path: plain, format: 'raw' }, part, { format: 'qcow2' }, watch);
  const same = await contentsAreEqual({ path: plain, format: 'raw' }, { path: part, format: 'qcow2' }, watch);
  if (!same) throw unlike('as qcow2');
};

/** A disk with a file system, written and read back. `next` begins the next part of the work. */
export const makeDisk = async (making: DiskMaking, next: () => WorkWatch): Promise<void> => {
  const { beside, part, form } = making;
  const path = form.format === 'raw' ? part : plainOf(beside);
  const leftovers = [plainOf(beside), scratchOf(beside)];
  const clear = async (): Promise<void> => {
    for (const each of leftovers) await rm(each, { force: true });
  };
  await clear();
  await mkdir(dirname(beside), { recursive: true, mode: 0o700 });
  try {
    await layTable(path, form);
    await writeFiles(making, path, next());
    const proving = next();
    await proveShape(path, form);
    await proveFiles(making, path, proving);
    if (form.format === 'qcow2') await toQcow2(path, part, next());
  } finally {
    await clear();
  }
};
