import { statfs } from 'node:fs/promises';
import type { SnapshotForecast, Vm } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import type { ImagesService } from '../images/images.types.ts';
import type { VmsService } from '../vms/vms.types.ts';
import { noRoomInside } from './internal/internal-forms.ts';
import { demandSettled } from './vm-settled.ts';

interface Deps {
  readonly images: ImagesService;
  readonly vms: VmsService;
  readonly dataDir: string;
}
type Disk = SnapshotForecast['disks'][number];
type Kind = SnapshotForecast['kinds'][number];

/** Why no snapshot at all can be taken now; null: one can. */
const impediment = (vm: Vm): string | null => {
  if (vm.disks.length === 0) return 'The VM has no disk that a snapshot could be taken of.';
  try {
    demandSettled(vm);
    return null;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return error.message;
  }
};

const diskOf = async ({ images }: Deps, { id, imageId }: Vm['disks'][number]): Promise<Disk> => {
  const reason = await noRoomInside(images, imageId).catch(() => 'its layer cannot be read');
  return {
    ...{ diskId: id, imageId, ownBytes: images.facts(imageId).allocatedSize },
    internal: reason === null ? { possible: true } : { possible: false, reason },
  };
};

/** A snapshot with memory is of all disks, so that one disk stands in the way of all. */
const kindsOf = (vm: Vm, isLive: boolean, disks: readonly Disk[], memoryFits: boolean): Kind[] => {
  const never = impediment(vm);
  const memory = isLive
    ? memoryFits
      ? null
      : 'There is not enough space for the memory of the guest.'
    : 'The VM is off and has no memory to keep. Start it, or take the snapshot without memory.';
  const inside = disks.flatMap(({ internal }) => internal.reason ?? []);
  const refused =
    inside.length === 0 ? null : `${inside.join('; ')}. An external snapshot is possible on every format.`;
  const some =
    inside.length < disks.length && refused !== null
      ? `${refused} An internal one without memory is possible of the other disks alone.`
      : refused;
  const kind = (name: Kind['kind'], withMemory: boolean, why: string | null): Kind => {
    const reason = never ?? why;
    return {
      ...{ kind: name, memory: withMemory },
      ...(reason === null ? { possible: true } : { possible: false, reason }),
    };
  };
  return [
    kind('external', false, null),
    kind('external', true, memory),
    kind('internal', false, some),
    kind('internal', true, memory ?? refused),
  ];
};

/** What a snapshot would cost and which ones are possible, before it is taken. */
export const forecastSnapshot = async (deps: Deps, vmId: string): Promise<SnapshotForecast> => {
  const { vms, dataDir } = deps;
  const vm = vms.get(vmId);
  const disks: Disk[] = [];
  for (const disk of vm.disks) disks.push(await diskOf(deps, disk));
  const { bavail, blocks, bsize } = await statfs(dataDir);
  const free = bavail * bsize;
  const isLive = vm.state === 'running' || vm.state === 'paused';
  const memoryBytes = isLive ? await vms.moments.heldMemory(vmId) : null;
  return {
    agent: await vms.agents.state(vmId),
    kinds: kindsOf(vm, isLive, disks, memoryBytes === null || memoryBytes <= free),
    memoryBytes,
    storage: { path: dataDir, free, total: blocks * bsize },
    disks,
  };
};
