import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../random.ts';
import { type Json, type Strata, startStrata, until } from '../strata.ts';
import { copiesOf, type Machine, type Point, vmOf } from './machines.ts';

/** Something that is done with the memory of a guest that runs, and the server dies while it is done. */
export interface KilledAct {
  readonly words: string;
  /** About how long it takes with a small guest, so that most are hit in the middle. */
  readonly usualMs: number;
  readonly prepare?: (strata: Strata, machine: Machine) => Promise<void>;
  readonly begin: (strata: Strata, machine: Machine, goal: Point, name: string) => Promise<unknown>;
  /** Writes down what became of it, and brings the guest to run again. `operation`: null when there is none of it. */
  readonly settle: (
    strata: Strata,
    machine: Machine,
    goal: Point,
    operation: Json | null,
  ) => Promise<string[]>;
}

const post = (strata: Strata, { vmId }: Machine, what: string, body?: unknown) =>
  strata.call('POST', `/vms/${vmId}/${what}`, body);
const start = (strata: Strata, { vmId }: Machine) => strata.ok('POST', `/vms/${vmId}/start`);
const isDone = (operation: Json | null): boolean => operation?.state === 'done';

/** Only in one of these states nothing of the guest is lost. */
const mustBe = (strata: Strata, machine: Machine, state: string): Promise<string[]> =>
  // That its guest goes on, QEMU tells a moment after the operation has ended.
  until(
    `it is ${state}`,
    () => vmOf(strata, machine),
    (found) => found.state === state,
    10,
  ).then(
    () => [],
    (error: Error) => [error.message],
  );

const keepPoint = (machine: Machine, id: string, name: string): void => {
  const { points, disks, memory } = machine;
  points.set(id, { id, name, disks: copiesOf(disks), memory });
};

const checkpoint: KilledAct = {
  ...{ words: 'a snapshot with memory', usualMs: 700 },
  begin: (strata, machine, _, name) => post(strata, machine, 'snapshots', { name, memory: true }),
  settle: async (strata, machine, _, operation) => {
    if (isDone(operation)) keepPoint(machine, operation.result.snapshotId, operation.title);
    return mustBe(strata, machine, 'running');
  },
};

const suspend: KilledAct = {
  ...{ words: 'a suspend', usualMs: 900 },
  begin: (strata, machine) => post(strata, machine, 'suspend'),
  settle: async (strata, machine, _, operation) => {
    const complaints = await mustBe(strata, machine, isDone(operation) ? 'suspended' : 'running');
    if (isDone(operation)) await start(strata, machine);
    return complaints;
  },
};

const resume: KilledAct = {
  ...{ words: 'the start of a suspended VM', usualMs: 1200 },
  prepare: async (strata, machine) => {
    await strata.ok('POST', `/vms/${machine.vmId}/suspend?wait=60`);
  },
  begin: (strata, machine) => post(strata, machine, 'start'),
  settle: async (strata, machine) => {
    const { state } = await vmOf(strata, machine);
    if (state === 'suspended') await start(strata, machine);
    return mustBe(strata, machine, 'running');
  },
};

const revert: KilledAct = {
  ...{ words: 'a revert to memory that keeps memory', usualMs: 2000 },
  begin: (strata, machine, { id }) =>
    post(strata, machine, `snapshots/${id}/revert`, { keepCurrent: true, keepMemory: true }),
  settle: async (strata, machine, goal, operation) => {
    if (isDone(operation)) {
      keepPoint(machine, operation.result.keptSnapshotId, `left by ${operation.title}`);
      machine.disks = copiesOf(goal.disks);
      machine.memory = goal.memory;
    }
    return mustBe(strata, machine, 'running');
  },
};

export const killedActs: readonly KilledAct[] = [checkpoint, suspend, resume, revert];

const newest = async (strata: Strata): Promise<Json | null> =>
  (await strata.ok('GET', '/operations?limit=1')).items[0] ?? null;

/** `kill -9` of the server at some moment of it; answers the next server, and the operation if there was one. */
export const killIn = async (
  random: Random,
  strata: Strata,
  machine: Machine,
  act: KilledAct,
  begin: () => Promise<unknown>,
): Promise<{ strata: Strata; operation: Json | null; afterMs: number }> => {
  const before = await newest(strata);
  const afterMs = random.int(act.usualMs);
  const begun = begin().catch(() => null);
  await delay(afterMs);
  await strata.kill();
  await begun;
  const next = await startStrata({ dataDir: strata.dataDir });
  await until(
    'every operation has ended',
    () => next.ok('GET', '/operations?limit=20'),
    ({ items }) => items.every(({ state }: Json) => ['done', 'failed', 'cancelled'].includes(state)),
  );
  await until(
    'the VM is at rest',
    () => vmOf(next, machine),
    ({ state }) => !['starting', 'stopping'].includes(state),
  );
  const last = await newest(next);
  return { strata: next, operation: last?.id === before?.id ? null : last, afterMs };
};
