import { readFile } from 'node:fs/promises';
import { connectMonitors, type Monitors } from '../../qemu/monitors.ts';
import { identify, isAlive, type ProcessIdentity, runsMachine } from '../../qemu/process-identity.ts';
import { attach } from './vm-attach.ts';
import { hardwareOf } from './vm-definition.ts';
import type { StoredProcess, VmRecord } from './vm-record.types.ts';
import { pathsOf, type VmsContext } from './vms.context.ts';

/** Tries for a while: the server before us may have left its connection in the queue of the socket. */
const patiently = async (paths: { control: string; tools: string }): Promise<Monitors | null> => {
  for (let attempt = 0; attempt < 3; attempt += 1)
    try {
      return await connectMonitors(paths);
    } catch {
      // Again.
    }
  return null;
};

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

const isOurs = async (monitors: Monitors, record: VmRecord): Promise<boolean> => {
  const { UUID } = await monitors.control.execute('query-uuid');
  return UUID.toLowerCase() === record.uuid.toLowerCase();
};

const wasLost = (context: VmsContext, record: VmRecord): void => {
  if (record.process === null) return;
  context.repository.setProcess(record.id, null);
  context.repository.addEvent(record.id, 'off', 'ended while Strata was not running');
};

const adoptOne = async (context: VmsContext, record: VmRecord): Promise<void> => {
  const identity = await findProcess(context, record);
  // The number alone proves nothing: another process may have it by now. It is left alone.
  if (identity === null || !(await runsMachine(identity.pid, record.uuid))) return wasLost(context, record);
  const paths = pathsOf(context, record);
  const monitors = await patiently(paths.sockets);
  if (monitors === null) {
    context.repository.addEvent(
      record.id,
      'unreachable',
      `process ${identity.pid} lives but does not answer`,
    );
    return;
  }
  if (!(await isOurs(monitors, record))) {
    monitors.control.close();
    monitors.tools.close();
    return wasLost(context, record);
  }
  const { status } = await monitors.control.execute('query-status');
  const known: StoredProcess = record.process ?? {
    ...identity,
    startedAt: new Date().toISOString(),
    argv: [],
    hardware: hardwareOf(record.definition, record.disks),
  };
  attach(context, record, { ...known, ...identity }, monitors, status !== 'running');
  context.repository.addEvent(record.id, 'adopted', `process ${identity.pid}`);
  context.changed(record.id);
};

/** Takes back every VM that ran on while no server was there: proved by boot, pid, start time and UUID over QMP. */
export const adoptVms = async (context: VmsContext): Promise<void> => {
  await Promise.all(context.repository.all().map((record) => adoptOne(context, record)));
};
