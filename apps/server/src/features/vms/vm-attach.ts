import { bound, readLogEnd } from '../../qemu/bounded-log.ts';
import { outputLimit } from '../../qemu/launcher.ts';
import type { Monitors } from '../../qemu/monitors.ts';
import type { StoredProcess, VmRecord } from './vm-record.types.ts';
import { type RunEnd, VmRun } from './vm-run.ts';
import { pathsOf, type VmsContext } from './vms.context.ts';

const endings: Readonly<Record<RunEnd, string>> = {
  asked: 'powered off',
  'guest-off': 'the guest shut down',
  unasked: 'the process ended without having been asked to',
};
const stderrShown = 8 * 1024;

/** Takes a QEMU process, just started or found again, as the running VM; writes down who it is. */
export const attach = (
  context: VmsContext,
  record: VmRecord,
  process: StoredProcess,
  monitors: Monitors,
  paused: boolean,
): VmRun => {
  const { repository } = context;
  const paths = pathsOf(context, record);
  const run = new VmRun(process, monitors, paused, paths.sockets, {
    changed: () => {
      bound(paths.log, outputLimit);
      context.changed(record.id);
    },
    note: (event, detail) => repository.addEvent(record.id, event, detail),
    ended: (how) => {
      context.runs.delete(record.id);
      bound(paths.log, outputLimit);
      // A VM that was deleted in the meantime has no row any more.
      if (repository.find(record.id) !== null) {
        repository.setProcess(record.id, null);
        const crashed = how === 'unasked';
        repository.addEvent(record.id, crashed ? 'crashed' : 'off', endings[how]);
        repository.setFailure(
          record.id,
          crashed
            ? {
                at: new Date().toISOString(),
                code: 'crashed',
                message: 'QEMU ended without having been asked to. Its last words are in the log.',
                stderr: readLogEnd(paths.log, stderrShown).bytes.toString('utf8'),
              }
            : null,
        );
      }
      context.changed(record.id);
      for (const listener of context.exitListeners) listener(record.id);
    },
  });
  context.runs.set(record.id, run);
  repository.setProcess(record.id, process);
  for (const listener of context.liveListeners) listener(record.id);
  return run;
};
