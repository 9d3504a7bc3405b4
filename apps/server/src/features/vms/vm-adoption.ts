import { readFile } from 'node:fs/promises';
import {
  currentBoot,
  identify,
  isAlive,
  type ProcessIdentity,
  runsMachine,
} from '../../qemu/process-identity.ts';
import { sweepMemory } from './memory-files.ts';
import { attach, recordEnd } from './vm-attach.ts';
import { hardwareOf } from './vm-definition.ts';
import type { StoredProcess, VmRecord } from './vm-record.types.ts';
import { endUnfinished } from './vm-resume.ts';
import { endUnseen } from './vm-run-end.ts';
import { askGuards, pathsOf, type VmsContext } from './vms.context.ts';

/**
 * The process that was started for this VM, if it still lives. It is found by what was written down; a server that
 * died between the start and the writing left only QEMU's own pid file.
 */
const findProcess = async (context: VmsContext, record: VmRecord): Promise<ProcessIdentity | null> => {
  if (record.process !== null && (await isAlive(record.process))) return record.process;
  const text = await readFile(pathsOf(context, record).pidFile, 'utf8').catch(() => '');
  const pid = Number.parseInt(text, 10);
  return Number.isSafeInteger(pid) && pid > 1 ? identify(pid) : null;
};

const wasLost = async (context: VmsContext, record: VmRecord): Promise<void> => {
  if (record.process === null) return;
  const end = endUnseen(record.process, await currentBoot(), pathsOf(context, record).pidFile);
  recordEnd(context, record, end);
};

const adoptOne = async (context: VmsContext, record: VmRecord): Promise<void> => {
  const identity = await findProcess(context, record);
  // The number alone proves nothing: another process may have it by now. It is left alone.
  if (identity === null || !(await runsMachine(identity.pid, record.uuid))) return wasLost(context, record);
  if (record.suspended !== null) return endUnfinished(context, record, identity);
  const known: StoredProcess = record.process ?? {
    ...identity,
    startedAt: new Date().toISOString(),
    argv: [],
    hardware: hardwareOf(record.definition, record.disks),
    started: { definition: record.definition, disks: record.disks },
  };
  // Boot, pid, start time and UUID prove it: it runs, whether or not it answers. Nothing else may use its disks.
  await attach(context, record, { ...known, ...identity }).reach();
};

/** No unfinished operation works on it, which may need files that nothing else refers to. */
const isIdle = (context: VmsContext, record: VmRecord): boolean => {
  try {
    askGuards(context, record, 'delete');
    return true;
  } catch {
    return false;
  }
};

/**
 * Takes back every VM that ran on while no server was there. One that cannot be taken back keeps none of the others
 * from it; `failed` is told why.
 */
export const adoptVms = async (
  context: VmsContext,
  failed: (record: VmRecord, error: unknown) => void,
): Promise<void> => {
  const adopt = async (record: VmRecord): Promise<void> => {
    try {
      await adoptOne(context, record);
      if (isIdle(context, record)) await sweepMemory(context, record);
    } catch (error) {
      failed(record, error);
    }
    context.changed(record.id);
  };
  await Promise.all(context.repository.all().map(adopt));
};
