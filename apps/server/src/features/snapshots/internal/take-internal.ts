import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Operation, TakeSnapshot, Vm } from '@strata/contract';
import { AppError } from '../../../app-error.ts';
import { newId } from '../../../new-id.ts';
import { chosenDisks } from '../chosen-disks.ts';
import { demandUntainted } from '../demand-untainted.ts';
import { demandNotOpen } from '../held-layers.ts';
import { nothingKept } from '../kept-moment.ts';
import { subjectsOf } from '../snapshot-subjects.ts';
import type { SnapshotsDeps } from '../snapshots.service.ts';
import { demandSettled } from '../vm-settled.ts';
import { demandRoomInside } from './internal-forms.ts';
import type { InternalTakeJournal, InternalTakeRun } from './take-internal.executor.ts';

type Deps = Pick<SnapshotsDeps, 'images' | 'vms' | 'operations'>;

/** Readable in the lists of other tools, and like no other: letters first, so that it is no number of another one. */
export const tagFor = (name: string, snapshotId: string): string => {
  const readable = name
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40);
  return `${['strata', readable, snapshotId].filter((part) => part !== '').join('-')}`;
};

/** QEMU writes what the guest’s memory holds into the first disk: at most all of it. */
const demandSpaceForMemory = async (deps: Deps, vm: Vm, disks: Vm['disks']): Promise<void> => {
  const { path } = deps.images.facts(disks[0]?.imageId ?? '');
  const { bavail, bsize } = await statfs(dirname(path));
  if (bavail * bsize >= vm.memory) return;
  const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 1024 ** 2).toLocaleString('en')} MiB`;
  throw new AppError(
    'disk-full',
    `The memory of “${vm.name}” may take ${mebibytes(vm.memory)} in ${dirname(path)}, where ${mebibytes(bavail * bsize)} are free. Free some space, or take the snapshot without memory.`,
  );
};

const demandPossible = async (deps: Deps, vm: Vm, disks: Vm['disks'], memory: boolean): Promise<void> => {
  const { images, vms } = deps;
  const ids = disks.map(({ imageId }) => imageId);
  for (const id of ids) await images.checkedChain(id);
  await demandRoomInside(images, vm.disks, new Set(disks.map(({ id }) => id)));
  if (vms.live(vm.id) === null) await demandNotOpen(images, ids);
  else if (memory) await demandSpaceForMemory(deps, vm, disks);
  demandUntainted(deps, ids);
};

/** A tag inside the active layer of each disk, with or without memory. */
export const takeInternal = async (deps: Deps, vmId: string, wish: TakeSnapshot): Promise<Operation> => {
  const { images, vms, operations } = deps;
  const { name, description = '', memory } = wish;
  const vm = vms.get(vmId);
  demandSettled(vm);
  if (memory && vms.live(vmId) === null)
    throw new AppError(
      'vm-not-running',
      `“${vm.name}” is off and has no memory to keep. Start it, or take the snapshot without memory.`,
    );
  const chosen = chosenDisks(vm, wish);
  await demandPossible(deps, vm, chosen, memory);
  // Files were read meanwhile; what a lock is taken on must be what the VM has at that moment.
  const current = vms.get(vmId);
  demandSettled(current);
  const vmWasOff = vms.live(vmId) === null;
  const moved = chosen.some(
    ({ id, imageId }) => current.disks.find((disk) => disk.id === id)?.imageId !== imageId,
  );
  if (moved || (memory && vmWasOff))
    throw new AppError('plan-stale', 'The VM has just changed. Take the snapshot again.');
  const snapshotId = newId();
  const layers = chosen.map(({ imageId }) => `“${images.facts(imageId).name}”`).join(', ');
  const request: InternalTakeRun = {
    ...{ vmId, snapshotId, name, description, tag: tagFor(name, snapshotId), memory, vmWasOff },
    disks: chosen.map(({ id, imageId }) => ({ diskId: id, imageId })),
    quiesce: wish.quiesce === true,
  };
  const journal: InternalTakeJournal = { phase: 'new', screenshot: null, pauseMs: null, moment: nothingKept };
  return operations.start({
    kind: 'snapshot-take',
    title: `Take the snapshot “${name}” of “${vm.name}”`,
    ...{ request, journal },
    steps: [
      memory
        ? `Keep the memory and all disks at one instant, inside ${layers}; the guest stands meanwhile`
        : `Keep what ${layers} ${chosen.length === 1 ? 'shows' : 'show'} now, inside ${chosen.length === 1 ? 'it' : 'them'}`,
      'Write the snapshot down',
    ],
    subjects: subjectsOf(vm, [{ id: snapshotId, name }]),
    locks: { images: chosen.map(({ imageId }) => imageId), vms: [vmId] },
    unit: 'steps',
    total: 2,
    cancelNote: null,
  });
};
