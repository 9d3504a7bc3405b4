import type { Blocker } from '@strata/backing-chain';
import type { Revert, Vm } from '@strata/contract';
import type { ImagesService } from '../images/images.types.ts';
import type { VmHardware } from '../vms/vm-record.types.ts';
import type { VmsService } from '../vms/vms.types.ts';
import { type HardwareChange, hardwareDifference } from './hardware-difference.ts';
import type { KeptVarsFiles } from './kept-vars.ts';
import type { StoredSnapshot } from './snapshots.types.ts';

/** What a revert makes of the VM's hardware. */
export interface RevertHardware {
  /** What the VM becomes; null: it stays what it is. The images of its disks are those of before the revert. */
  readonly restored: VmHardware | null;
  /** Disks that it did not have then, and that leave it. */
  readonly leaves: readonly string[];
  readonly difference: readonly HardwareChange[];
  readonly blockers: readonly Blocker[];
}

interface Deps {
  readonly vms: Pick<VmsService, 'moments'>;
  readonly images: Pick<ImagesService, 'facts'>;
}

/** Disks that the snapshot shows, and those that were passed over when it was taken, as far as the VM still has them. */
const disksOf = (kept: VmHardware, now: VmHardware, snapshot: StoredSnapshot): VmHardware['disks'] =>
  kept.disks.flatMap((disk) => {
    const shown = snapshot.disks.find(({ diskId }) => diskId === disk.id);
    const here = now.disks.find(({ id }) => id === disk.id);
    if (shown === undefined && here === undefined) return [];
    return [{ ...disk, imageId: here?.imageId ?? shown?.imageId ?? disk.imageId }];
  });

const keepBlockers = (snapshot: StoredSnapshot, now: VmHardware, differs: boolean): Blocker[] => {
  const subjects = [{ kind: 'snapshot' as const, id: snapshot.id, name: snapshot.name }];
  if (snapshot.memory && differs)
    return [
      {
        ...{ code: 'hardware-differs', subjects },
        message: `The memory of “${snapshot.name}” fits the hardware of then only. Restore the hardware, too.`,
      },
    ];
  const missing = snapshot.disks.some(({ diskId }) => !now.disks.some(({ id }) => id === diskId));
  if (!missing) return [];
  return [
    {
      ...{ code: 'hardware-differs', subjects },
      message: `“${snapshot.name}” is of a disk that the VM no longer has. Restore the hardware, too: then it comes back.`,
    },
  ];
};

export const planHardware = async (
  { vms, images }: Deps,
  snapshot: StoredSnapshot,
  wish: Revert,
  startsAfter: boolean,
): Promise<RevertHardware> => {
  const now = vms.moments.defined(snapshot.vmId);
  const keeps = wish.hardware === 'keep';
  const words = {
    imageName: (id: string): string | null => {
      try {
        return images.facts(id).name;
      } catch {
        return null;
      }
    },
  };
  if (snapshot.definition === null)
    return { restored: null, leaves: [], difference: [], blockers: keepBlockers(snapshot, now, false) };
  const kept = { ...snapshot.definition, disks: disksOf(snapshot.definition, now, snapshot) };
  const { hardware, impediments } = await vms.moments.refit(snapshot.vmId, kept, startsAfter);
  // A medium that is gone is named as such; the drive is empty then.
  const then = { ...hardware, definition: { ...hardware.definition, media: kept.definition.media } };
  const difference = hardwareDifference(then, now, words);
  if (keeps)
    return {
      ...{ restored: null, leaves: [], difference },
      blockers: keepBlockers(snapshot, now, difference.length > 0),
    };
  const stays = new Set(hardware.disks.map(({ id }) => id));
  return {
    restored: hardware,
    leaves: now.disks.flatMap(({ id }) => (stays.has(id) ? [] : [id])),
    difference,
    blockers: difference.length === 0 ? [] : impediments.map((item) => ({ ...item, subjects: [] })),
  };
};

/** The UEFI variables belong to the state of then, whichever hardware there is; `null`: it had none yet. */
export type VarsToRestore = { readonly name: string | null };

/** What becomes of the variables of a VM that has this firmware afterwards: undefined leaves them alone. */
export const varsToRestore = (
  { definition, varsFile }: StoredSnapshot,
  firmware: Vm['firmware'],
  { uefiVars }: Pick<Revert, 'uefiVars'>,
): VarsToRestore | undefined =>
  definition?.definition.firmware === 'uefi' && firmware === 'uefi' && uefiVars !== 'keep'
    ? { name: varsFile }
    : undefined;

/** What a revert can do without them. */
export const keepTodays = 'Keep the variables of today instead.';

/** Known before anything is touched: the variables of then are not there. `instead`: what can be done without them. */
export const varsBlockers = async (
  vars: Pick<KeptVarsFiles, 'has'>,
  { vmId, id, name, varsFile }: StoredSnapshot,
  instead: string,
): Promise<Blocker[]> => {
  if (varsFile === null || (await vars.has(vmId, varsFile))) return [];
  return [
    {
      code: 'uefi-vars-missing',
      message: `The UEFI variables of “${name}” (${varsFile}), the boot entries and keys of that moment, are gone. ${instead}`,
      subjects: [{ kind: 'snapshot', id, name }],
    },
  ];
};
