import { existsSync } from 'node:fs';
import type { Json } from '../strata.ts';
import type { Act, ActKind } from './act.ts';
import type { Killed } from './victims.ts';
import type { SeenImage, SeenVm, World } from './world.ts';

/** What the operation that was hit has come to. */
export interface Outcome {
  readonly state: 'done' | 'failed' | 'cancelled';
  readonly error?: { readonly code: string; readonly message: string };
  readonly recovery: string | null;
  readonly createdAt: string;
  readonly endedAt: string;
}

/** A revert whose last step, starting the VM, did not work has reverted all the same, and says so. */
const tookPlace = ({ state, error }: Outcome): boolean =>
  state === 'done' || (error?.message.includes('was reverted') ?? false);

/** A moment of a running guest cannot be had again; everything else can be begun anew, whoever was killed. */
const ofAMoment: readonly ActKind[] = ['take', 'revert', 'promote'];

const judgeOutcome = (act: Act, outcome: Outcome, killed: Killed): string[] => {
  if (outcome.state === 'done') return [];
  const words = `the ${act.kind} ended ${outcome.state}: ${outcome.error?.message}`;
  // A qemu-img that is killed under a server that lives is a failure that somebody wanted.
  if (!ofAMoment.includes(act.kind) && (killed.server || !killed.tool)) return [words];
  return (outcome.error?.message ?? '') === '' ? [`${words}, without a word`] : [];
};

const sameBag = (some: readonly string[], others: readonly string[]): boolean =>
  some.toSorted().join() === others.toSorted().join();

/** Where the file of an image is afterwards. */
const judgePath = (now: SeenImage, then: SeenImage, act: Act, took: boolean): string[] => {
  if (took && act.moves.has(then.id))
    return existsSync(then.path) && now.path !== then.path ? [`the old name of ${then.name} is left`] : [];
  return now.path === then.path ? [] : [`${then.name} lies elsewhere: ${now.path}`];
};

/** Those that know by their journal what they were making. */
const leavesNothing: readonly ActKind[] = [
  ...(['branch', 'duplicate', 'copy', 'rename', 'compact', 'move', 'adopt', 'repair'] as const),
  ...(['convert', 'take-in'] as const),
];

const judgeImages = (before: World, after: World, act: Act, took: boolean): string[] => {
  const complaints: string[] = [];
  for (const image of before.images.values()) {
    const now = after.images.get(image.id);
    if (took && act.deletes.has(image.id)) {
      if (now !== undefined) complaints.push(`${image.name} should have gone`);
      continue;
    }
    const source = (took && act.becomes.get(image.id)) || image.id;
    const expected = before.images.get(source)?.content;
    if (now === undefined) complaints.push(`${image.name} is gone`);
    else if (now.content !== expected) complaints.push(`${image.name} reads otherwise than ${source} did`);
    if (now !== undefined) complaints.push(...judgePath(now, image, act, took));
  }
  const added = [...after.images.values()].filter(({ id }) => !before.images.has(id));
  const copied = act.newImages.map((id) => before.images.get(id)?.content ?? '');
  const contents = took ? [...copied, ...act.newContents] : [];
  if (added.length !== contents.length)
    complaints.push(`there are ${added.length} new images, not ${contents.length}`);
  else if (
    !sameBag(
      added.map(({ content }) => content),
      contents,
    )
  )
    complaints.push('a new image does not read as it should');
  // What a qemu-img was creating is nobody's, and goes when it is ten minutes old.
  const unfinished = [...after.unfinished].filter(
    (path) => !before.unfinished.has(path) && !/-\d+-\d+-[0-9a-f]+\.part$/.test(path),
  );
  if (leavesNothing.includes(act.kind)) complaints.push(...unfinished.map((path) => `${path} is left`));
  return complaints;
};

const judgeSnapshots = (before: World, after: World, act: Act, took: boolean): string[] => {
  const complaints: string[] = [];
  for (const snapshot of before.snapshots.values()) {
    const now = after.snapshots.get(snapshot.id);
    if (took && act.losesSnapshots.has(snapshot.id)) {
      if (now !== undefined) complaints.push(`the snapshot ${snapshot.name} should have gone`);
      continue;
    }
    if (now === undefined) {
      complaints.push(`the snapshot ${snapshot.name} is lost`);
      continue;
    }
    for (const { diskId, imageId } of snapshot.disks) {
      const shown = now.disks.find((disk) => disk.diskId === diskId)?.imageId ?? '';
      if (after.images.get(shown)?.content !== before.images.get(imageId)?.content)
        complaints.push(`the snapshot ${snapshot.name} shows something else`);
    }
  }
  const added = [...after.snapshots.keys()].filter((id) => !before.snapshots.has(id)).length;
  const expected = took ? act.newSnapshots : 0;
  if (added !== expected) complaints.push(`there are ${added} new snapshots, not ${expected}`);
  return complaints;
};

/** The states in which a VM may be now, given what it was and who was killed. */
const allowedStates = (vm: SeenVm, act: Act, killed: Killed, took: boolean): readonly string[] => {
  const wasKilled = vm.pid !== null && killed.pids.has(vm.pid);
  // These end a VM and start it again; what it was to be afterwards is in their request.
  if (['revert', 'promote'].includes(act.kind) && act.vmId === vm.id) {
    const settled = ['running', 'off', ...(['paused', 'crashed'].includes(vm.state) ? [vm.state] : [])];
    return took && !wasKilled ? settled : [...settled, 'crashed'];
  }
  return wasKilled ? ['crashed', 'off'] : [vm.state];
};

const judgeVms = (before: World, after: World, act: Act, killed: Killed, took: boolean): string[] =>
  [...before.vms.values()].flatMap((vm) => {
    const now = after.vms.get(vm.id);
    if (now === undefined) return [`${vm.name} is gone`];
    const allowed = allowedStates(vm, act, killed, took);
    const complaints = allowed.includes(now.state)
      ? []
      : [`${vm.name} is ${now.state}, not ${allowed.join(' or ')}`];
    for (const { id, imageId } of vm.disks) {
      const source = (took && act.disks.get(id)) || imageId;
      const shown = now.disks.find((disk) => disk.id === id)?.imageId ?? '';
      if (after.images.get(shown)?.content !== before.images.get(source)?.content)
        complaints.push(`a disk of ${vm.name} shows something else`);
      if (act.vmId !== vm.id && shown !== imageId) complaints.push(`a disk of ${vm.name} was switched`);
    }
    return complaints;
  });

/** There is one whole VM more, or none. */
const judgeNewVm = (before: World, after: World, act: Act, took: boolean): string[] => {
  const added = [...after.vms.values()].filter(({ id }) => !before.vms.has(id));
  const expected = took ? act.newVm : null;
  if (added.length !== (expected === null ? 0 : 1)) return [`there are ${added.length} new VMs`];
  const shown = (added[0]?.disks ?? []).map(({ imageId }) => after.images.get(imageId)?.content);
  const wished = (expected ?? []).map((id) => before.images.get(id)?.content);
  return shown.join() === wished.join() ? [] : ['the disks of the new VM do not read as they should'];
};

/** Everything that is not as the product promises; no words when all is well. */
export const judge = async (
  before: World,
  after: World,
  act: Act,
  outcome: Outcome,
  killed: Killed,
): Promise<string[]> => {
  const took = tookPlace(outcome);
  return [
    ...(took ? await act.besides() : []),
    ...judgeOutcome(act, outcome, killed),
    ...judgeImages(before, after, act, took),
    ...judgeSnapshots(before, after, act, took),
    ...judgeVms(before, after, act, killed, took),
    ...judgeNewVm(before, after, act, took),
  ];
};

/** What an operation must be when it has ended. */
export const complaintsOfOperations = (operations: Json[]): string[] =>
  operations.flatMap((operation) => {
    if (!['done', 'failed', 'cancelled'].includes(operation.state))
      return [`${operation.title} is ${operation.state}`];
    if (operation.endedAt === null) return [`${operation.title} has no end`];
    return operation.state === 'failed' && !operation.error?.message
      ? [`${operation.title} failed without a word`]
      : [];
  });
