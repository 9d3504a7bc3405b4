import type { Random } from '../random.ts';
import type { Json, Strata } from '../strata.ts';
import { complaintsOfGuest } from './judge.ts';
import { begin, copiesOf, type Machine, operate, type Point, vmOf } from './machines.ts';
import { type Act, nodeOf, refused, somePoint } from './scene.ts';

const keepPoint = (machine: Machine, point: Point): void => {
  machine.points.set(point.id, point);
};

/** A kind that the forecast calls possible must be possible. */
export const take: Act = async ({ strata, random, next }, machine) => {
  const forecast = await strata.ok('GET', `/vms/${machine.vmId}/snapshots/forecast`);
  const kinds = forecast.kinds.filter(({ possible }: Json) => possible);
  if (kinds.length === 0) return null;
  // Mostly external ones: an internal one that others stand on cannot be reverted to any more.
  const external = kinds.filter(({ kind }: Json) => kind === 'external');
  const { kind, memory } = random.pick(external.length > 0 && random.chance(0.6) ? external : kinds) as Json;
  const name = `point ${next()}`;
  const { state } = await vmOf(strata, machine);
  const words = `${machine.name}, ${state}: take “${name}”, ${kind}${memory ? ' with memory' : ''}`;
  const wish = { name, kind, memory };
  const operation = await operate(strata, 'POST', `/vms/${machine.vmId}/snapshots`, wish);
  if (typeof operation === 'string') return refused(words, operation, false);
  const { snapshotId: id } = operation.result;
  keepPoint(machine, { id, name, disks: copiesOf(machine.disks), memory: memory ? machine.memory : null });
  return { words, complaints: memory && machine.memory === null ? ['there was no memory to take'] : [] };
};

export const revert: Act = async ({ strata, random }, machine) => {
  const point = somePoint(random, machine);
  if (point === null) return null;
  const { state } = await vmOf(strata, machine);
  const start = random.pick([null, null, true, false]);
  const keepCurrent = random.chance(0.5);
  const keepMemory = keepCurrent && random.chance(0.4);
  const wish = {
    keepCurrent,
    ...(keepMemory ? { keepMemory } : {}),
    ...(start === null ? {} : { start }),
  };
  const path = `/vms/${machine.vmId}/snapshots/${point.id}/revert`;
  const words = `${machine.name}, ${state}: revert to “${point.name}” ${JSON.stringify(wish)}`;
  const plan = await strata.call('POST', path, { ...wish, plan: true });
  const possible = plan.status === 200 && plan.body.blockers.length === 0;
  const operation = await operate(strata, 'POST', path, wish);
  if (typeof operation === 'string') return refused(words, operation, !possible);
  const complaints = possible ? [] : ['it was done although its plan has blockers'];
  const { keptSnapshotId: id } = operation.result;
  if ((typeof id === 'string') !== wish.keepCurrent) complaints.push(`keptSnapshotId is ${id}`);
  if (typeof id === 'string') {
    const kept = await strata
      .ok('GET', `/vms/${machine.vmId}/snapshots`)
      .then(({ tree }) => nodeOf(tree, id));
    const memory = kept?.memory === true ? machine.memory : null;
    if ((state === 'suspended' || keepMemory) && memory === null)
      complaints.push('the memory of what was left is lost');
    keepPoint(machine, { id, name: kept?.name ?? id, disks: copiesOf(machine.disks), memory });
  }
  machine.disks = copiesOf(point.disks);
  complaints.push(...(await afterRevert(strata, machine, point, state, start)));
  return { words, complaints };
};

/** Runs as asked, and where there was memory the guest is the one of that moment. */
const afterRevert = async (
  strata: Strata,
  machine: Machine,
  point: Point,
  before: string,
  start: boolean | null,
): Promise<string[]> => {
  const { state } = await vmOf(strata, machine);
  const complaints: string[] = [];
  machine.memory = point.memory;
  if (start === true && state !== 'running') complaints.push(`it shall run and is ${state}`);
  if (start === false && state === 'running') complaints.push('it shall not run and is running');
  if (point.memory === null) {
    const was = ['running', 'paused'].includes(before) ? before : 'off';
    if (start === null && state !== was) complaints.push(`it was ${before} and is ${state}`);
    if (state === 'paused') await strata.ok('POST', `/vms/${machine.vmId}/resume`);
    if (state !== 'off') await begin(strata, machine);
  } else if (state === 'paused') await strata.ok('POST', `/vms/${machine.vmId}/resume`);
  if (state === 'off') {
    machine.memory = null;
    return complaints;
  }
  return [...complaints, ...(await complaintsOfGuest(strata, machine))];
};

const someWish = (random: Random, machine: Machine): { wish: Json; exactly: string[] | null } => {
  const ids = random.shuffled([...machine.points.keys()]);
  if (random.chance(0.15)) return { wish: { keepLast: random.int(4) }, exactly: null };
  if (ids.length > 2 && random.chance(0.15))
    return { wish: { between: { from: ids[0], to: ids.at(-1) } }, exactly: null };
  const some = random.chance(0.6) ? ids.slice(0, 1) : ids.slice(0, 1 + random.int(3));
  return { wish: { snapshots: some }, exactly: some };
};

/** What the plan says goes and nothing else; every other restore point is looked at afterwards anyway. */
export const remove: Act = async ({ strata, random }, machine) => {
  if (machine.points.size < 2) return null;
  const { wish, exactly } = someWish(random, machine);
  const mode = random.pick(['auto', 'auto', 'commit', 'pull', 'forget']);
  const path = `/vms/${machine.vmId}/snapshots/delete`;
  const { state } = await vmOf(strata, machine);
  const nameOf = (id: string) => machine.points.get(id)?.name ?? id;
  const said = exactly === null ? JSON.stringify(wish) : exactly.map(nameOf).join(', ');
  const words = `${machine.name}, ${state}: delete ${said}, ${mode}`;
  const { status, body: plan } = await strata.call('POST', path, { ...wish, mode, plan: true });
  if (status >= 500) throw new Error(`${words}: ${JSON.stringify(plan)}`);
  const possible = status === 200 && plan.blockers.length === 0 && plan.nothing === undefined;
  const operation = await operate(strata, 'POST', path, {
    ...{ ...wish, mode },
    ...(status === 200 ? { fingerprint: plan.fingerprint } : {}),
  });
  if (typeof operation === 'string') return refused(words, operation, !possible);
  const complaints = possible ? [] : ['it was done although its plan has blockers'];
  const goes = plan.losesSnapshots.map(({ id }: Json) => id) as string[];
  if (exactly !== null && goes.toSorted().join() !== exactly.toSorted().join())
    complaints.push(`it gives up ${goes.map(nameOf).join(', ')}`);
  for (const id of goes) machine.points.delete(id);
  return { words: `${words}: ${plan.mode}`, complaints };
};
