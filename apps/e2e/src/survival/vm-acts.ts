import type { Random } from '../random.ts';
import type { Json, Strata } from '../strata.ts';
import { type Act, idsOf, nothing, unlessRefused } from './act.ts';
import type { SeenVm, World } from './world.ts';

const isOff = ({ state }: SeenVm): boolean => state === 'off' || state === 'crashed';

export const take = async (random: Random, strata: Strata, world: World): Promise<Act> => {
  const vm = random.pick([...world.vms.values()]);
  const whole = vm.disks.length < 2 || random.chance(0.7);
  const disks = whole ? vm.disks : [random.pick(vm.disks)];
  const body = { name: `s${random.int(10_000)}`, ...(whole ? {} : { disks: disks.map(({ id }) => id) }) };
  return {
    ...nothing,
    words: `snapshot of ${disks.length} disk(s) of ${vm.name} (${vm.state})`,
    kind: 'take',
    vmId: vm.id,
    newImages: disks.map(({ imageId }) => imageId),
    newSnapshots: 1,
    run: () => strata.ok('POST', `/vms/${vm.id}/snapshots`, body),
  };
};

export const revert = async (random: Random, strata: Strata, world: World): Promise<Act | null> => {
  if (world.snapshots.size === 0) return null;
  const snapshot = random.pick([...world.snapshots.values()]);
  const vm = world.vms.get(snapshot.vmId);
  const keepCurrent = random.chance(0.5);
  const body = { keepCurrent, ...(random.chance(0.5) ? { start: random.chance(0.5) } : {}) };
  const path = `/vms/${snapshot.vmId}/snapshots/${snapshot.id}/revert`;
  const plan = await unlessRefused(strata, path, { ...body, plan: true });
  if (plan === null || plan.blockers.length > 0) return null;
  return {
    ...nothing,
    words: `revert of ${vm?.name} (${vm?.state}) to ${snapshot.name} ${JSON.stringify(body)}`,
    kind: 'revert',
    vmId: snapshot.vmId,
    deletes: idsOf(plan.deletes),
    losesSnapshots: idsOf(plan.losesSnapshots),
    disks: new Map(snapshot.disks.map(({ diskId, imageId }) => [diskId, imageId])),
    newImages: snapshot.disks.map(({ imageId }) => imageId),
    newSnapshots: keepCurrent ? 1 : 0,
    run: () => strata.ok('POST', path, { ...body, fingerprint: plan.fingerprint }),
  };
};

export const forget = async (random: Random, strata: Strata, world: World): Promise<Act | null> => {
  if (world.snapshots.size === 0) return null;
  const { id, vmId, name } = random.pick([...world.snapshots.values()]);
  return {
    ...nothing,
    words: `forgetting the snapshot ${name}`,
    kind: 'forget',
    vmId,
    losesSnapshots: new Set([id]),
    run: () => strata.ok('DELETE', `/vms/${vmId}/snapshots/${id}?mode=forget`),
  };
};

/** More VMs than this are not made: each is a process, and the machine is small. */
const enoughVms = 5;

export const branch = async (random: Random, strata: Strata, world: World): Promise<Act | null> => {
  if (world.snapshots.size === 0 || world.vms.size >= enoughVms) return null;
  const { id, vmId, name, disks } = random.pick([...world.snapshots.values()]);
  const body = { name: `branch${random.int(100_000)}`, mode: random.pick(['linked', 'full']) };
  const shown = disks.map(({ imageId }) => imageId);
  return {
    ...nothing,
    words: `${body.mode} branch of ${shown.length} disk(s) from ${name}`,
    kind: 'branch',
    vmId,
    newImages: shown,
    newVm: shown,
    run: () => unlessRefused(strata, `/vms/${vmId}/snapshots/${id}/branch`, body),
  };
};

export const duplicate = async (random: Random, strata: Strata, world: World): Promise<Act | null> => {
  const off = [...world.vms.values()].filter(isOff);
  if (off.length === 0 || world.vms.size >= enoughVms) return null;
  const vm = random.pick(off);
  const body = { name: `twin${random.int(100_000)}`, mode: random.pick(['linked', 'full']) };
  const shown = vm.disks.map(({ imageId }) => imageId);
  return {
    ...nothing,
    words: `${body.mode} duplicate of ${vm.name}`,
    kind: 'duplicate',
    vmId: vm.id,
    // Linked, the original goes on with overlays of its own.
    newImages: body.mode === 'linked' ? [...shown, ...shown] : shown,
    newVm: shown,
    run: () => unlessRefused(strata, `/vms/${vm.id}/duplicate`, body),
  };
};

/** A disk continues on another layer: on itself where nothing stands on it, else on an overlay. */
export const promote = async (random: Random, strata: Strata, world: World): Promise<Act | null> => {
  const vm = random.pick([...world.vms.values()]);
  const [disk, image] = [random.pick(vm.disks), random.pick([...world.images.values()])];
  const request = {
    ...{ operation: 'promote', vmId: vm.id, disks: [{ diskId: disk.id, imageId: image.id }] },
    ...{ keepCurrent: random.chance(0.5), powerOff: true },
  };
  const plan = await unlessRefused(strata, '/chains/plan', request);
  if (plan === null || plan.blockers.length > 0) return null;
  const isNew = plan.after.some(({ layers }: Json) => layers[0]?.isNew === true);
  return {
    ...nothing,
    words: `${vm.name} (${vm.state}) continues on ${isNew ? 'an overlay of ' : ''}${image.name}`,
    kind: 'promote',
    vmId: vm.id,
    disks: new Map([[disk.id, image.id]]),
    newImages: isNew ? [image.id] : [],
    newSnapshots: request.keepCurrent ? 1 : 0,
    run: () => unlessRefused(strata, '/chains/run', { ...request, fingerprint: plan.fingerprint }),
  };
};
