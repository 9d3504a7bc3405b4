import type { VmLog } from '@strata/contract';
import { bound, readLogEnd } from '../../qemu/bounded-log.ts';
import { outputLimit } from '../../qemu/launcher.ts';
import { pathsOf, recordOf, type VmsContext } from './vms.context.ts';

const outputShown = 64 * 1024;
const eventsShown = 200;

/** QEMU's own output, its end, and what happened to the VM, newest first. */
export const logOf = (context: VmsContext, id: string): VmLog => {
  const { log } = pathsOf(context, recordOf(context, id));
  bound(log, outputLimit);
  const { bytes, truncated } = readLogEnd(log, outputShown);
  return { output: bytes.toString('utf8'), truncated, events: context.repository.events(id, eventsShown) };
};
