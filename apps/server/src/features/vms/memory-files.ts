import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
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
