import type { Snapshot, Vm } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { newId } from '../../new-id.ts';
import { lockHolder, openWords } from '../../qemu/lock-holder.ts';
import { byteWords } from '../chains/byte-words.ts';
import { taintBlockers } from '../chains/taint-blockers.ts';
import type { ImageFacts, ImagesService } from '../images/images.types.ts';
import type { NewFiles, NewFileWish } from '../images/new-files.ts';
import type { OperationSubject, OperationsService } from '../operations/operations.types.ts';
import type { SnapshotsService } from '../snapshots/snapshots.types.ts';
import type { CopyMoment, VmCopy } from '../vms/vm-copies.ts';
import type { VmsFeature } from '../vms/vms.types.ts';
import { type BranchRun, branchExecutor } from './branch.executor.ts';
import type { BranchesService } from './branches.types.ts';

export interface BranchesDeps {
  readonly images: ImagesService;
  readonly files: NewFiles;
  readonly vms: VmsFeature;
  readonly snapshots: Pick<SnapshotsService, 'get' | 'moment'>;
  readonly operations: OperationsService;
}

interface Disk {
  readonly diskId: string;
  readonly imageId: string;
  /** The number of an internal snapshot inside the layer; left out: what the layer shows now. */
  readonly snapshot?: string;
}
type Mode = 'linked' | 'full';

/** An overlay shows what a layer shows now, never what a tag inside it does. */
const demandCopied = (snapshot: Snapshot, mode: Mode): void => {
  if (mode === 'full' || snapshot.kind === 'external') return;
  throw new AppError(
    'not-possible',
    `“${snapshot.name}” lies inside its layers, and no overlay can stand on it there. Branch it as a full copy (mode "full").`,
  );
};

/** What is written now has no restore point: an overlay or a copy of it would show no moment at all. */
const demandOff = (vm: Vm): void => {
  if (vm.state === 'off' || vm.state === 'crashed') return;
  if (vm.state === 'suspended')
    throw new AppError(
      'vm-suspended',
      `“${vm.name}” is suspended: its memory waits for exactly these disks. Resume it and shut it down, or branch from a snapshot.`,
    );
  throw new AppError(
    'vm-running',
    `“${vm.name}” writes its disks at this moment. Take a snapshot and branch a new VM from that, or shut it down first.`,
  );
};

/** A QEMU that somebody started by hand writes without our knowing. */
const demandUnlocked = async ({ name, path }: ImageFacts): Promise<void> => {
  const holder = await lockHolder(path);
  if (holder !== null) throw new AppError('image-locked', openWords(holder, { name, path }));
};

/** Registers its executors; create it once, before operations are recovered. */
export const createBranchesService = (deps: BranchesDeps): BranchesService => {
  const { images, files, vms, snapshots, operations } = deps;
  const executorDeps = { images, files, vms, copies: vms.copies };
  operations.register(branchExecutor('vm-branch', executorDeps));
  operations.register(branchExecutor('vm-duplicate', executorDeps));

  const chainsOf = async (disks: readonly Disk[]): Promise<ImageFacts[][]> => {
    const chains: ImageFacts[][] = [];
    for (const { imageId } of disks) chains.push(await images.checkedChain(imageId));
    const ids = chains.flat().map(({ id }) => id);
    const tainted = taintBlockers(ids, 'other', operations.taints.list(), images);
    if (tainted.length > 0)
      throw new AppError('plan-blocked', tainted.map(({ message }) => message).join(' '), {
        blockers: tainted.map((blocker) => ({ ...blocker, subjects: [...blocker.subjects] })),
      });
    return chains;
  };

  const wishesOf = (
    disks: readonly Disk[],
    name: string,
    mode: Mode,
    tag: string,
    useReserve: boolean | undefined,
  ): NewFileWish[] =>
    disks.map(({ imageId, snapshot }, position) => ({
      ...{ imageId, useReserve, tag: `${tag}-${position}` },
      ...(snapshot === undefined ? {} : { snapshot }),
      kind: mode === 'linked' ? 'overlay' : 'content',
      name: position === 0 ? name : `${name}-${position + 1}`,
    }));

  const steps = (wishes: readonly NewFileWish[], mode: Mode, copy: VmCopy, continues: string | null) => {
    const { name, leftOut = [], memory } = copy;
    const without =
      leftOut.length === 0 ? '' : `, without the port ${leftOut.join(', ')}, which another VM has`;
    const asleep =
      memory === undefined
        ? ''
        : `, suspended on the memory of that moment (${byteWords(memory.bytes)}): its start goes on from there`;
    const layers = [...new Set(wishes.map(({ imageId }) => `“${images.facts(imageId).name}”`))].join(', ');
    const inside = wishes.some(({ snapshot }) => snapshot !== undefined) ? 'the snapshot inside ' : '';
    return [
      mode === 'linked'
        ? `Create an overlay on ${layers} for each disk`
        : `Copy what ${inside}${layers} shows into files of its own, and compare`,
      continues === null
        ? `Define the VM “${name}”${without}${asleep}`
        : `Define the VM “${name}”${without}; “${continues}” continues on overlays of its own`,
    ];
  };

  /** VMs that would begin to write a layer that a tag is read from. */
  const readers = (disks: readonly Disk[]): string[] => {
    const read = disks.flatMap(({ imageId, snapshot }) => (snapshot === undefined ? [] : [imageId]));
    const writers = images.forest().disks.filter(({ imageId }) => read.includes(imageId));
    return [...new Set(writers.map(({ vmId }) => vmId))];
  };

  /** What the snapshot shows of each disk. Throws where it lies inside a layer that somebody writes. */
  const disksOf = async (snapshot: Snapshot): Promise<Disk[]> => {
    const disks: Disk[] = [];
    for (const { diskId, imageId, internalTag } of snapshot.disks) {
      if (internalTag === undefined) disks.push({ diskId, imageId });
      else {
        await images.checkedChain(imageId);
        disks.push({ diskId, imageId, snapshot: await images.readableTag(imageId, internalTag) });
      }
    }
    return disks;
  };

  interface Wish {
    readonly kind: 'vm-branch' | 'vm-duplicate';
    /** Before the first look at the VM and its snapshot. */
    readonly lookedAt: number;
    readonly title: string;
    readonly vm: Vm;
    readonly disks: readonly Disk[];
    readonly name: string;
    readonly mode: Mode;
    readonly useReserve: boolean | undefined;
    readonly subjects: readonly OperationSubject[];
    /** The disks are those the VM writes when it runs. */
    readonly ofNow: boolean;
    /** What the VM was then; null: it is not known, or it is now. */
    readonly moment: CopyMoment | null;
  }

  const start = async (branch: Wish) => {
    const { kind, lookedAt, title, vm, disks, name, mode, useReserve, subjects, ofNow, moment } = branch;
    if (disks.length === 0)
      throw new AppError('not-possible', 'There is no disk that a new VM could stand on.');
    const copy = vms.copies.draft(vm.id, name, disks, moment);
    const chains = await chainsOf(disks);
    const tag = newId();
    // Both stand on the layer that was active: from now on nobody writes it.
    const continues = ofNow && mode === 'linked' ? disks : [];
    const wishes = [
      ...wishesOf(disks, name, mode, tag, useReserve),
      ...wishesOf(continues, vm.name, 'linked', `${tag}-s`, useReserve),
    ];
    if (ofNow) for (const [top] of chains) if (top !== undefined) await demandUnlocked(top);
    // Refused now rather than after the first gigabyte.
    for (const wish of wishes) await files.place(wish);
    const weights = chains.map((chain) =>
      Math.min(
        chain.reduce((bytes, { allocatedSize }) => bytes + allocatedSize, 0),
        chain[0]?.virtualSize ?? 0,
      ),
    );
    const request: BranchRun = { copy, mode, wishes, weights, continues };
    // Looking at all that took a moment.
    if (ofNow) demandOff(vms.get(vm.id));
    return operations.start({
      ...{ kind, title, request, lookedAt },
      journal: { phase: 'new', files: [] },
      steps: steps(wishes, mode, copy, continues.length === 0 ? null : vm.name),
      subjects,
      locks: {
        images: continues.map(({ imageId }) => imageId),
        reads: chains
          .flat()
          .map(({ id }) => id)
          .filter((id) => !continues.some(({ imageId }) => imageId === id)),
        vms: ofNow ? [vm.id] : readers(disks),
      },
      unit: mode === 'full' ? 'bytes' : 'steps',
      total: mode === 'full' ? weights.reduce((bytes, weight) => bytes + weight, 0) : 2,
      cancelNote: 'Nothing is left of the new VM, and nothing else changes.',
    });
  };

  return {
    branch: async (vmId, snapshotId, { name, mode, memory = false, useReserve }) => {
      const lookedAt = operations.look();
      const vm = vms.get(vmId);
      const snapshot = snapshots.get(vmId, snapshotId);
      demandCopied(snapshot, mode);
      return start({
        ...{ kind: 'vm-branch', lookedAt, vm, name, mode, useReserve, ofNow: false },
        moment: await snapshots.moment(vmId, snapshotId, memory),
        title: `Branch “${name}” from “${snapshot.name}” of “${vm.name}”`,
        disks: await disksOf(snapshot),
        subjects: [
          { kind: 'vm', id: vm.id, name: vm.name },
          { kind: 'snapshot', id: snapshot.id, name: snapshot.name },
        ],
      });
    },
    duplicate: async (vmId, { name, mode, useReserve }) => {
      const lookedAt = operations.look();
      const vm = vms.get(vmId);
      demandOff(vm);
      return start({
        ...{ kind: 'vm-duplicate', lookedAt, vm, name, mode, useReserve, ofNow: true, moment: null },
        title: `Duplicate “${vm.name}” as “${name}”`,
        disks: vm.disks.map(({ id, imageId }) => ({ diskId: id, imageId })),
        subjects: [{ kind: 'vm', id: vm.id, name: vm.name }],
      });
    },
  };
};
