import { bound, readLogEnd } from '../../qemu/bounded-log.ts';
import { outputLimit } from '../../qemu/launcher.ts';
import type { StoredProcess, VmRecord } from './vm-record.types.ts';
import { takeUpResume } from './vm-resume.ts';
import { VmRun } from './vm-run.ts';
import { endUnsaid, endUnseen, type RunEnd } from './vm-run-end.ts';
import { pathsOf, type VmsContext } from './vms.context.ts';

const stderrShown = 8 * 1024;

/** Writes down that the process of a VM is gone, and how it went. */
export const recordEnd = (context: VmsContext, record: VmRecord, how: RunEnd): void => {
  const { repository } = context;
  const paths = pathsOf(context, record);
  bound(paths.log, outputLimit);
  repository.setProcess(record.id, null);
  repository.addEvent(record.id, how.crashed ? 'crashed' : 'off', how.words);
  repository.setFailure(
    record.id,
    how.crashed
      ? {
          at: new Date().toISOString(),
          code: 'crashed',
          message: how.words,
          stderr: readLogEnd(paths.log, stderrShown).bytes.toString('utf8'),
        }
      : null,
  );
};

/** Takes a QEMU process, just started or found again, as the VM: from here on it runs. Writes down who it is. */
export const attach = (context: VmsContext, record: VmRecord, process: StoredProcess): VmRun => {
  const { repository } = context;
  const paths = pathsOf(context, record);
  const { control, tools } = paths.sockets;
  const run = new VmRun(
    process,
    { uuid: record.uuid, control, tools },
    {
      changed: () => {
        bound(paths.log, outputLimit);
        context.changed(record.id);
      },
      note: (event, detail) => repository.addEvent(record.id, event, detail),
      agentOpened: () => {
        for (const listener of context.agentListeners) listener(record.id);
      },
      reached: () => {
        repository.addEvent(record.id, 'adopted', `process ${process.pid}`);
        announceLive(context, record.id);
        void takeUpResume(context, record, run).catch((error: unknown) =>
          repository.addEvent(record.id, 'resume-failed', String(error)),
        );
      },
      ended: (how) => {
        context.runs.delete(record.id);
        // Of a process that did not say why it ended only what it left behind can tell.
        const unsaid = (): RunEnd =>
          run.reached ? endUnsaid(paths.pidFile) : endUnseen(process, process.bootId, paths.pidFile);
        // A VM that was deleted in the meantime has no row any more.
        if (repository.find(record.id) !== null) recordEnd(context, record, how ?? unsaid());
        context.changed(record.id);
        for (const listener of context.exitListeners) listener(record.id);
      },
    },
  );
  context.runs.set(record.id, run);
  repository.setProcess(record.id, process);
  return run;
};

/** Tells those who connect to a VM's other sockets that somebody answers there now. */
export const announceLive = (context: VmsContext, vmId: string): void => {
  for (const listener of context.liveListeners) listener(vmId);
};
