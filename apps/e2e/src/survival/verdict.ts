import type { Json } from '../strata.ts';
import type { Act } from './act.ts';
import type { Killed } from './victims.ts';
import type { SeenVm, World } from './world.ts';

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

const judgeOutcome = (act: Act, outcome: Outcome): string[] => {
  if (outcome.state === 'done') return [];
  const words = `the ${act.kind} ended ${outcome.state}: ${outcome.error?.message}`;
  // Block jobs can be begun again, whoever was killed. A moment of a running guest cannot.
  if (act.kind === 'commit' || act.kind === 'pull' || act.kind === 'forget') return [words];
  return (outcome.error?.message ?? '') === '' ? [`${words}, without a word`] : [];
};

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
  }
  const added = [...after.images.keys()].filter((id) => !before.images.has(id)).length;
  const expected = took ? act.newImages : 0;
  if (added !== expected) complaints.push(`there are ${added} new images, not ${expected}`);
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
  // A revert ends a VM and starts it again; what it was to be afterwards is in its request.
  if (act.kind === 'revert' && act.vmId === vm.id) {
    const settled = ['running', 'off', ...(vm.state === 'paused' ? ['paused'] : [])];
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

/** Everything that is not as the product promises; no words when all is well. */
export const judge = (before: World, after: World, act: Act, outcome: Outcome, killed: Killed): string[] => {
  const took = tookPlace(outcome);
  return [
    ...judgeOutcome(act, outcome),
    ...judgeImages(before, after, act, took),
    ...judgeSnapshots(before, after, act, took),
    ...judgeVms(before, after, act, killed, took),
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
