import { AppError } from '../../app-error.ts';
import { qemuArgs } from '../../qemu/argv/argv.ts';
import { portKey, takenPorts } from './taken-ports.ts';
import { macsOfOthers } from './vm-changes.ts';
import { checkDefinition, freshMac } from './vm-definition.ts';
import { checkKernel, checkMedia } from './vm-disks.ts';
import { buildLaunch } from './vm-launch.ts';
import { forwardsOf } from './vm-ports.ts';
import type { StoredDefinition, VmHardware, VmRecord } from './vm-record.types.ts';
import { pathsOf, type VmsContext } from './vms.context.ts';

/** The hardware of a former moment, made to fit into the world of today. */
export interface Refit {
  readonly hardware: VmHardware;
  /** Why the VM could not be started with it; empty: it can. */
  readonly impediments: readonly { readonly code: string; readonly message: string }[];
}

const isThere = (context: VmsContext, imageId: string): boolean => {
  try {
    checkMedia(context, [{ slot: '', kind: 'cdrom', imageId }]);
    return true;
  } catch {
    return false;
  }
};

/** A medium that is gone leaves its drive empty; an address that another VM has got since is given up for a new one. */
const fitted = (context: VmsContext, vmId: string, then: StoredDefinition): StoredDefinition => {
  const taken = macsOfOthers(context, vmId);
  const nics = then.nics.map((nic, position) => {
    if (!taken.has(nic.mac)) return nic;
    const mac = freshMac(`${vmId}/${position}/again`, taken);
    taken.add(mac);
    return { ...nic, mac };
  });
  const media = then.media.map((medium) =>
    medium.imageId === null || isThere(context, medium.imageId) ? medium : { ...medium, imageId: null },
  );
  return { ...then, nics, media };
};

/** Ports that it holds itself, because it runs with them, become free when it is powered off. */
const portImpediments = async (context: VmsContext, record: VmRecord, definition: StoredDefinition) => {
  const running = context.runs.has(record.id) ? (record.process?.started ?? record) : null;
  const own = new Set(running === null ? [] : forwardsOf(running).map(portKey));
  const wanted = forwardsOf({ definition }).filter((forward) => !own.has(portKey(forward)));
  return (await takenPorts(wanted)).map((forward) => ({
    code: 'port-taken',
    message: `The VM forwarded port ${forward.hostPort} (${forward.protocol}) of this host then, and something else has it now. Free it, leave the VM off, or keep the hardware of now.`,
  }));
};

/** `startsAfter`: it is to run with it at once, so that the ports of the host must be free now. */
export const refitHardware = async (
  context: VmsContext,
  record: VmRecord,
  kept: VmHardware,
  startsAfter: boolean,
): Promise<Refit> => {
  const definition = fitted(context, record.id, kept.definition);
  const hardware = { definition, disks: kept.disks };
  try {
    checkDefinition(definition, await context.capabilities.target(definition.arch));
    await checkKernel(definition.kernel);
    qemuArgs(buildLaunch(context, { ...record, ...hardware }, pathsOf(context, record)));
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const message = `The hardware of then cannot be restored: ${error.message} Or keep the hardware of now.`;
    return { hardware, impediments: [{ code: error.code, message }] };
  }
  return { hardware, impediments: startsAfter ? await portImpediments(context, record, definition) : [] };
};
