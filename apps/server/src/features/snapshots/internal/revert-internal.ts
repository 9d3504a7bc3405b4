import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Blocker } from '@strata/backing-chain';
import type { Operation, Plan, Revert, Vm } from '@strata/contract';
import { AppError } from '../../../app-error.ts';
import { newId } from '../../../new-id.ts';
import { taintBlockers } from '../../chains/taint-blockers.ts';
import { openBlockers } from '../held-layers.ts';
import { keptAs } from '../kept-as.ts';
import { nothingKept } from '../kept-moment.ts';
import { keptVars } from '../kept-vars.ts';
import {
  keepTodays,
  planHardware,
  type RevertHardware,
  varsBlockers,
  varsToRestore,
} from '../revert-hardware.ts';
import { memoryBlockers, memoryOf, startOf } from '../revert-memory.ts';
import { continueView, revertFingerprint } from '../revert-view.ts';
import type { SnapshotsDeps } from '../snapshots.service.ts';
import type { StoredSnapshot } from '../snapshots.types.ts';
import { demandStill } from '../vm-settled.ts';
import { noRoomInside } from './internal-forms.ts';
import type { InternalRevertHow, InternalRevertRun } from './revert-internal.types.ts';
import { inPlace, internalRevertCommands, internalRevertSteps } from './revert-internal-view.ts';
import { isSameMachine } from './same-machine.ts';
import { frozenBlockers, inactiveBlockers, namingBlockers } from './tag-blockers.ts';
import type { TaggedDisk } from './tagged-layers.ts';
import { tagFor } from './take-internal.ts';

type Deps = Pick<SnapshotsDeps, 'db' | 'images' | 'vms' | 'operations' | 'dataDir'>;

interface Planned {
  readonly lookedAt: number;
  readonly vm: Vm;
  readonly snapshot: StoredSnapshot;
  readonly disks: readonly TaggedDisk[];
  readonly tag: string;
  readonly keepName: string | null;
  readonly how: InternalRevertHow;
  readonly steps: ReturnType<typeof internalRevertSteps>;
  readonly view: Plan;
}

/** All disks have the tag of one name; one whose layers differ in it would be two restore points. */
const tagOf = (snapshot: StoredSnapshot): string => {
  const [first] = snapshot.disks;
  if (first?.internalTag == null) throw new AppError('not-possible', `“${snapshot.name}” has no disks.`);
  return first.internalTag;
};

const isWholeVm = (vm: Vm, disks: readonly TaggedDisk[]): boolean =>
  vm.disks.length === disks.length && vm.disks.every(({ id }) => disks.some(({ diskId }) => diskId === id));

/** Memory goes into the QEMU that runs when that is the same machine; else into one that is started for it. */
const decide = async (
  deps: Deps,
  vm: Vm,
  snapshot: StoredSnapshot,
  wish: Revert,
): Promise<{
  how: InternalRevertHow;
  difference: RevertHardware['difference'];
  blockers: readonly Blocker[];
}> => {
  const { vms } = deps;
  const running = vms.live(vm.id) !== null;
  const before = vm.state === 'paused' ? 'paused' : running ? 'running' : 'no';
  const { memory } = snapshot;
  const memoryFile = memoryOf(snapshot);
  const start = startOf(wish, snapshot, before);
  const live =
    running && memory && memoryFile === null && isSameMachine(snapshot.definition, vms.moments.now(vm.id));
  const { restored, difference, blockers } = await planHardware(deps, snapshot, wish, start !== 'no');
  // Disks that came or went stay so: what such a disk holds would be in neither of the two restore points.
  const fits = restored !== null && !live && isWholeVm(vm, snapshot.disks);
  const hardware = fits && difference.length > 0 ? restored : null;
  const firmware = hardware?.definition.firmware ?? vm.firmware;
  const how: InternalRevertHow = {
    ...{ live, memory, memoryFile, start, hardware, vars: varsToRestore(snapshot, firmware, wish) },
    leavesMemory: vms.memory.suspended(vm.id),
  };
  return { how, difference, blockers: memory || hardware !== null ? blockers : [] };
};

/** Memory can be inside a layer only of a guest that is loaded there, in the QEMU that runs. */
const keepBlockers = (vm: Vm, how: InternalRevertHow, { keepMemory }: Revert): Blocker[] => {
  if (keepMemory !== true || (how.live && how.memory) || how.leavesMemory !== null) return [];
  return [
    {
      code: 'memory-not-kept',
      message: `The current state of “${vm.name}” is kept inside its layers, and without memory: the VM is off for this revert. Take a snapshot with memory first, or keep it without.`,
      subjects: [{ kind: 'vm', id: vm.id, name: vm.name }],
    },
  ];
};

const furtherBlockers = async (
  { images, vms, operations }: Deps,
  vm: Vm,
  snapshot: StoredSnapshot,
  how: InternalRevertHow,
): Promise<Blocker[]> => {
  const ids = snapshot.disks.map(({ imageId }) => imageId);
  const tag = tagOf(snapshot);
  const named = await namingBlockers(
    images,
    snapshot.disks.map((disk) => ({ ...disk, tag: disk.internalTag ?? tag })),
  );
  const full: Blocker[] = [];
  for (const id of ids) {
    const reason = named.length > 0 ? null : await noRoomInside(images, id);
    if (reason !== null)
      full.push({
        code: 'no-room-inside',
        message: `${reason}; the state that is left needs one more.`,
        subjects: [],
      });
  }
  const subject = { kind: 'vm' as const, id: vm.id, name: vm.name };
  const others: Blocker[] =
    how.memory && !isWholeVm(vm, snapshot.disks)
      ? [
          {
            code: 'other-disks',
            message: `“${vm.name}” has other disks than the memory of “${snapshot.name}” knows. Give it those of that moment, or branch a new VM from its disks alone.`,
            subjects: [subject],
          },
        ]
      : [];
  const working = operations.activeOn({ vms: [vm.id], images: ids });
  const busy: Blocker[] =
    working === null
      ? []
      : [
          {
            code: 'operation-unfinished',
            message: `“${working.title}” is working on this VM. Wait for its end, or cancel it, first.`,
            subjects: [{ kind: 'operation', id: working.id, name: working.title }],
          },
        ];
  const open = vms.live(vm.id) === null ? await openBlockers(images, ids) : [];
  return [
    ...named,
    ...full,
    ...others,
    ...(await memoryBlockers(vms, snapshot)),
    ...busy,
    ...taintBlockers(ids, 'other', operations.taints.list(), images),
    ...open,
  ];
};

/** The state that is kept takes the memory of the guest with it, into the first of the layers. */
const spaceToKeep = async (
  { images, vms }: Pick<Deps, 'images' | 'vms'>,
  vm: Vm,
  { live, memory }: InternalRevertHow,
  [first]: readonly { readonly imageId: string }[],
): Promise<Partial<Plan>> => {
  if (!live || !memory || first === undefined) return {};
  const { bavail, bsize } = await statfs(dirname(images.facts(first.imageId).path));
  const freeSpaceNeeded = (await vms.moments.heldMemory(vm.id)) ?? vm.memory;
  return { freeSpaceNeeded, freeSpace: bavail * bsize };
};

const compute = async (
  deps: Deps,
  vmId: string,
  snapshot: StoredSnapshot,
  wish: Revert,
): Promise<Planned> => {
  const { images, vms } = deps;
  const vm = vms.get(vmId);
  const lookedAt = deps.operations.look();
  await images.scan();
  const gone = snapshot.disks.find(({ diskId }) => !vm.disks.some(({ id }) => id === diskId));
  if (gone !== undefined)
    throw new AppError(
      'not-possible',
      `“${snapshot.name}” is of a disk that the VM no longer has. Extract it as a new image instead.`,
    );
  for (const { imageId } of snapshot.disks) await images.checkedChain(imageId);
  const forest = images.forest();
  const disks = snapshot.disks.map(({ diskId, imageId }) => ({ diskId, imageId }));
  const { how, difference, blockers: ofHardware } = await decide(deps, vm, snapshot, wish);
  const keepName = keptAs(deps.db, snapshot, wish);
  const blockers = [
    ...frozenBlockers(forest, disks, vmId),
    ...inactiveBlockers(forest, disks, vmId),
    ...(await furtherBlockers(deps, vm, snapshot, how)),
    ...ofHardware,
    ...keepBlockers(vm, how, wish),
    // A QEMU that runs has them in the memory that it loads.
    ...(how.vars === undefined || how.live
      ? []
      : await varsBlockers(keptVars(deps.dataDir), snapshot, keepTodays)),
  ];
  const plan = { ...inPlace(forest, vm, disks, snapshot.id, vms.live(vmId) !== null), blockers };
  const tag = tagOf(snapshot);
  const fingerprint = await revertFingerprint(forest, plan, {
    keepCurrent: wish.keepCurrent,
    tag,
    leavesMemory: how.leavesMemory?.file ?? null,
    hardware: how.hardware === null ? null : difference,
    ...(wish.uefiVars === undefined ? {} : { uefiVars: wish.uefiVars }),
  });
  const steps = internalRevertSteps(deps, vm, snapshot, keepName, how);
  const view = {
    ...continueView(forest, plan, keepName, { fingerprint, steps: steps.map(({ text }) => text) }),
    ...(keepName === null ? {} : await spaceToKeep(deps, vm, how, disks)),
    live: how.live,
    hardware: [...difference],
    commands: blockers.length > 0 ? [] : internalRevertCommands(deps, disks, tag, how.live),
  };
  return { lookedAt, vm, snapshot, disks, tag, keepName, how, steps, view };
};

export const planInternalRevert = async (
  deps: Deps,
  vmId: string,
  snapshot: StoredSnapshot,
  wish: Revert,
): Promise<Plan> => (await compute(deps, vmId, snapshot, wish)).view;

/** In place: the same files show what they showed then. */
export const revertInternal = async (
  deps: Deps,
  vmId: string,
  snapshot: StoredSnapshot,
  wish: Revert,
): Promise<Operation> => {
  demandStill(deps.vms.get(vmId));
  const planned = await compute(deps, vmId, snapshot, wish);
  const { lookedAt, vm, disks, tag, keepName, how, steps, view } = planned;
  if (wish.fingerprint !== undefined && wish.fingerprint !== view.fingerprint)
    throw new AppError(
      'plan-stale',
      'Layers, snapshots or the VM have changed since this plan was made. Look at the new plan.',
    );
  if (view.blockers.length > 0)
    throw new AppError('plan-blocked', view.blockers.map(({ message }) => message).join(' '), {
      blockers: view.blockers,
    });
  const keepId = newId();
  const keep =
    keepName === null
      ? null
      : {
          ...{ id: keepId, name: keepName },
          vmWasOff: deps.vms.live(vmId) === null && how.leavesMemory === null,
        };
  const request: InternalRevertRun = {
    ...{ vmId, snapshotId: snapshot.id, tag, disks, keep, ...how },
    beforeTag: tagFor(keepName ?? 'before', keepId),
    order: steps.map(({ step }) => step),
  };
  return deps.operations.start({
    kind: 'snapshot-revert',
    title: `Revert “${vm.name}” to “${snapshot.name}”`,
    request,
    journal: { phase: 'new', ran: false, screenshot: null, moment: nothingKept },
    steps: steps.map(({ text }) => text),
    subjects: [
      { kind: 'vm', id: vm.id, name: vm.name },
      ...[snapshot, ...(keep === null ? [] : [keep])].map(({ id, name }) => ({
        kind: 'snapshot' as const,
        id,
        name,
      })),
    ],
    locks: { images: disks.map(({ imageId }) => imageId), vms: [vmId] },
    unit: 'steps',
    total: steps.length,
    cancelNote: null,
    lookedAt,
  });
};
