import { link, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../app-error.ts';
import { copyBytes, sameBytes } from '../../copy-bytes.ts';
import type { WorkWatch } from '../../qemu/image-work.ts';
import { checkMemoryFile, publishMemoryFile } from '../../qemu/memory-file.ts';
import type { VmRecord } from './vm-record.types.ts';
import { pathsOf, type VmsContext } from './vms.context.ts';

export const memoryPath = (context: VmsContext, record: VmRecord, file: string): string =>
  join(pathsOf(context, record).memoryFolder, file);
/** A file has this name until it is complete and durable. */
export const draftPath = (context: VmsContext, record: VmRecord, file: string): string =>
  `${memoryPath(context, record, file)}.part`;

export const makeMemoryFolder = async (context: VmsContext, record: VmRecord): Promise<string> => {
  const { memoryFolder } = pathsOf(context, record);
  await mkdir(memoryFolder, { recursive: true, mode: 0o700 });
  return memoryFolder;
};

export const keepMemory = async (context: VmsContext, record: VmRecord, file: string): Promise<number> => {
  const path = memoryPath(context, record, file);
  await publishMemoryFile(draftPath(context, record, file), path);
  return checkMemoryFile(path, 1);
};

/** Of file systems that know no second name for a file, or not for this one. */
const cannotLink: readonly unknown[] = ['EXDEV', 'EPERM', 'EMLINK', 'ENOSYS', 'EOPNOTSUPP', 'ENOTSUP'];

const copyMemory = async (from: string, to: string, watch: WorkWatch): Promise<void> => {
  await copyBytes(from, to, watch);
  if (await sameBytes(from, to, watch)) return;
  throw new AppError('not-possible', `The copy of the memory ${from} does not read as the original.`);
};

/**
 * The memory once more, for another VM: on disk when it returns, and again and again the same. Nobody writes a memory
 * that is complete, so both names lead to the same bytes, which takes neither time nor space; each can go without the
 * other. Where the file system cannot do that, it is copied.
 */
export const shareMemory = async (from: string, to: string, watch: WorkWatch): Promise<void> => {
  const draft = `${to}.part`;
  for (const path of [draft, to]) await rm(path, { force: true });
  try {
    await link(from, draft);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new AppError('not-possible', `The memory ${from} is gone.`);
    if (!cannotLink.includes(code)) throw error;
    await copyMemory(from, draft, watch);
  }
  await publishMemoryFile(draft, to);
  await checkMemoryFile(to, 1);
};

/** The snapshots of the VM and its next start. */
const needed = (context: VmsContext, vmId: string): Set<string> => {
  const waiting = context.repository.find(vmId)?.suspended?.file;
  return new Set([...context.repository.snapshotMemories(vmId), ...(waiting === undefined ? [] : [waiting])]);
};

export const removeMemory = async (context: VmsContext, record: VmRecord, file: string): Promise<void> => {
  if (needed(context, record.id).has(file)) return;
  await rm(memoryPath(context, record, file), { force: true });
  await rm(draftPath(context, record, file), { force: true });
};

/** What a server that was killed had no time to remove. Nothing may be at work on the VM. */
export const sweepMemory = async (context: VmsContext, record: VmRecord): Promise<void> => {
  const files = await readdir(pathsOf(context, record).memoryFolder).catch(() => []);
  const keeps = needed(context, record.id);
  for (const name of files)
    if (!keeps.has(name)) await rm(memoryPath(context, record, name), { force: true });
};
