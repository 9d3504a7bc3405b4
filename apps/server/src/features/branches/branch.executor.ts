import { AppError } from '../../app-error.ts';
import { workWatch } from '../../qemu/work-watch.ts';
import type { ImagesService } from '../images/images.types.ts';
import type { NewFile, NewFiles, NewFileWish } from '../images/new-files.ts';
import type { Executor, OperationContext } from '../operations/operations.types.ts';
import type { VmCopies, VmCopy } from '../vms/vm-copies.ts';
import type { VmsService } from '../vms/vms.types.ts';

/*
 *    linked, from a snapshot            linked, of a VM that is off        full
 *
 *    active     overlay <- new VM       overlay     overlay <- new VM      active
 *      └── s1 ────┘                       └── active ──┘                     s1       copy <- new VM
 *          base                               base                           base
 */

export interface BranchRun {
  readonly copy: VmCopy;
  readonly mode: 'linked' | 'full';
  /** One for each disk of the new VM, then the overlays on which the original goes on. */
  readonly wishes: readonly NewFileWish[];
  /** The original's disks that continue on an overlay, because their active layers become frozen. */
  readonly continues: readonly { readonly diskId: string }[];
  /** What is copied, to weigh the progress: bytes for each wish. */
  readonly weights: readonly number[];
}

export interface BranchJournal {
  /** `making`: hidden files grow. `naming`: all are complete and proven. `recorded`: the VM exists. */
  readonly phase: 'new' | 'making' | 'naming' | 'recorded';
  readonly files: readonly NewFile[];
}
type Context = OperationContext<BranchRun, BranchJournal>;

export interface BranchDeps {
  readonly images: ImagesService;
  readonly files: NewFiles;
  readonly vms: Pick<VmsService, 'setDiskImage'>;
  readonly copies: VmCopies;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

const make = async ({ files, copies }: BranchDeps, context: Context): Promise<void> => {
  const { wishes, weights, mode, copy } = context.request;
  const total = sum(weights);
  // An overlay is made at once.
  const held = mode === 'full' ? workWatch(context) : { signal: context.cancelled };
  await copies.copyState(copy, held);
  for (const [index, wish] of wishes.entries()) {
    const file = context.journal.files[index];
    if (file === undefined) throw new Error('a file of the branch has no place');
    const before = sum(weights.slice(0, index));
    const made = await files.make(file, wish, {
      ...held,
      onProgress: (fraction) => {
        if (mode === 'full') context.progress(before + fraction * (weights[index] ?? 0), total);
      },
    });
    context.cancelled.throwIfAborted();
    const done = context.journal.files.map((other, place) => (place === index ? made : other));
    context.save({ phase: 'making', files: done });
  }
  context.controls(null);
};

/** Names, then one transaction: there is the whole VM, or none. */
const record = async ({ files, copies, vms }: BranchDeps, context: Context): Promise<void> => {
  const { copy, continues } = context.request;
  const made: string[] = [];
  for (const file of context.journal.files) made.push((await files.publish(file)).imageId);
  context.save({ ...context.journal, phase: 'recorded' }, () => {
    copies.insert(copy, made.slice(0, copy.disks.length));
    for (const [index, { diskId }] of continues.entries()) {
      const imageId = made[copy.disks.length + index];
      if (imageId === undefined) throw new AppError('internal-error', 'a disk has no overlay to go on with');
      vms.setDiskImage(copy.sourceId, diskId, imageId);
    }
  });
};

const withdraw = async ({ files, copies }: BranchDeps, context: Context): Promise<void> => {
  for (const file of context.journal.files) await files.discard(file);
  await copies.discard(context.request.copy);
};

const carryOut = async (deps: BranchDeps, context: Context): Promise<void> => {
  const { wishes } = context.request;
  if (context.journal.phase === 'new') {
    const files = [];
    for (const wish of wishes) files.push(await deps.files.place(wish));
    context.save({ phase: 'making', files });
  }
  if (context.journal.phase === 'making') {
    if (context.resumed) context.recovered('What had not been completed was made again.');
    context.step(0);
    await make(deps, context);
    context.finishing();
    context.save({ ...context.journal, phase: 'naming' });
  }
  if (context.journal.phase === 'naming') {
    context.finishing();
    context.step(1);
    await record(deps, context);
  }
};

export const branchExecutor = (
  kind: 'vm-branch' | 'vm-duplicate',
  deps: BranchDeps,
): Executor<BranchRun, BranchJournal> => ({
  kind,
  run: async (context) => {
    try {
      await carryOut(deps, context);
    } catch (error) {
      // Killed or ending, the next start goes on from here; else nothing of it stays.
      if (!context.ending && context.journal.phase !== 'recorded') await withdraw(deps, context);
      throw error;
    }
    await deps.images.refresh();
    return { vmId: context.request.copy.id };
  },
});
