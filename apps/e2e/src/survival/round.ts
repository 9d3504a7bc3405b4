import { setTimeout as delay } from 'node:timers/promises';
import { programsOn } from '../processes.ts';
import type { Random } from '../random.ts';
import { type Json, type Strata, startStrata, until } from '../strata.ts';
import type { Act, ActKind } from './act.ts';
import { scribble } from './forest.ts';
import { randomAct } from './random-act.ts';
import { complaintsOfOperations, judge, type Outcome } from './verdict.ts';
import { type Killed, randomVictim, strike, type Victim } from './victims.ts';
import { complaintsOfFiles, leftoversOfDaemons, observe, type World } from './world.ts';

const megabyte = 1024 ** 2;

export interface RoundEnd {
  /** Another one when it was killed. */
  readonly strata: Strata;
  readonly words: string;
  /** The operation had not ended when the kill came. */
  readonly hitTheMiddle: boolean;
  readonly complaints: string[];
}

/** So that a forest of many rounds does not grow for ever. */
const enough = { vms: 4, images: 18 };

const tidyUp = async (random: Random, strata: Strata): Promise<void> => {
  const { items: vms }: Json = await strata.ok('GET', '/vms');
  const off = vms.filter(({ state }: Json) => state === 'off' || state === 'crashed');
  if (vms.length > enough.vms && off.length > 0)
    await strata.ok('DELETE', `/vms/${random.pick(off as Json[]).id}`);
  const { items: images }: Json = await strata.ok('GET', '/images?limit=1000');
  const loose = images.filter(({ usedBy, overlays }: Json) => usedBy.length + overlays.length === 0);
  for (const { id } of random.shuffled(loose as Json[]).slice(0, Math.max(0, images.length - enough.images)))
    await strata.ok('DELETE', `/images/${id}`);
};

/** Between two rounds life goes on: VMs are started and paused, guests write, somebody branches. */
export const live = async (random: Random, strata: Strata): Promise<void> => {
  await tidyUp(random, strata);
  const { items: vms }: Json = await strata.ok('GET', '/vms');
  for (const vm of vms) {
    if (vm.state === 'running' && random.chance(0.15)) await strata.ok('POST', `/vms/${vm.id}/pause`);
    if (vm.state === 'paused' && random.chance(0.5)) await strata.ok('POST', `/vms/${vm.id}/resume`);
    if (vm.state !== 'off' && vm.state !== 'crashed') continue;
    for (const { imageId } of vm.disks) {
      const { path, format, overlays } = await strata.ok('GET', `/images/${imageId}`);
      if (overlays.length === 0 && random.chance(0.8)) scribble(random, path, format);
    }
    if (random.chance(0.5)) await strata.ok('POST', `/vms/${vm.id}/start`);
  }
  const { items: images }: Json = await strata.ok('GET', '/images?limit=1000');
  const layered = images.filter((image: Json) => image.backingId !== null);
  if (layered.length > 6) return;
  for (let more = 0; more < 2; more += 1) {
    const backing = random.pick(images.filter((image: Json) => image.role !== 'active') as Json[]).id;
    const name = `branch ${random.int(100_000)}`;
    const image = await strata.ok('POST', '/images', { name, format: 'qcow2', backing });
    scribble(random, image.path, 'qcow2');
  }
  await strata.ok('POST', '/folders/scan');
};

const isMoving = (operation: Json): boolean => !['done', 'failed', 'cancelled'].includes(operation.state);

/** Waits until nothing moves and the dead are known to be dead; answers the operation as it is then. */
export const settled = async (strata: Strata, operation: Json, killed: Killed): Promise<Outcome> => {
  await until(
    'the VMs that were killed are seen to have ended',
    () => strata.ok('GET', '/vms'),
    ({ items }) => !items.some(({ pid }: Json) => killed.pids.has(pid)),
    20,
  );
  await until(
    'every operation has ended',
    () => strata.ok('GET', '/operations?limit=200'),
    ({ items }) => !items.some(isMoving),
  );
  return strata.ok('GET', `/operations/${operation.id}`);
};

const restart = async (random: Random, strata: Strata, victim: Victim): Promise<Strata> => {
  let next = await startStrata({ dataDir: strata.dataDir });
  if (!victim.includes('again')) return next;
  await delay(random.int(120));
  await next.kill();
  next = await startStrata({ dataDir: strata.dataDir });
  return next;
};

/** Programs that nobody needs any more, and files of those that were killed. */
const complaintsOfProcesses = async (strata: Strata, world: World): Promise<string[]> => {
  const needed = new Set([strata.pid, ...[...world.vms.values()].map((vm) => vm.pid)]);
  const orphans = programsOn(strata.dataDir).filter(({ pid }) => !needed.has(pid));
  return [
    ...orphans.map(({ kind, command }) => `an orphan ${kind} is left: ${command.slice(0, 200)}`),
    ...leftoversOfDaemons(strata).map((name) => `${name} is left in the run folder`),
  ];
};

export const inspect = async (
  strata: Strata,
  scratch: string,
  before: World,
  act: Act,
  outcome: Outcome,
  killed: Killed,
): Promise<string[]> => {
  const after = await observe(strata, scratch);
  const { items } = await strata.ok('GET', '/operations?limit=200');
  return [
    ...(await judge(before, after, act, outcome, killed)),
    ...complaintsOfOperations(items),
    ...(await complaintsOfFiles(after)),
    ...(await complaintsOfProcesses(strata, after)),
  ];
};

/** About how long each takes with small images, so that most are hit in the middle and some after their end. */
const usualMs: Readonly<Record<ActKind, number>> = {
  ...{ commit: 90, pull: 70, flatten: 70, delete: 90, rebase: 110, relink: 70, compact: 120 },
  move: 150,
  ...{ take: 60, revert: 250, forget: 4, branch: 110, duplicate: 110, promote: 60 },
  ...{ copy: 90, rename: 40, check: 25, adopt: 180, repair: 60 },
  ...{ convert: 120, 'take-in': 120, download: 120, checksum: 60 },
};
/** Those that a block job does, whose speed can be limited. */
const jobs: readonly ActKind[] = ['commit', 'pull', 'flatten', 'delete', 'move'];

/** When, after it was begun, the kill comes; copying may be slowed down so that it takes about as long. */
const chooseMoment = (random: Random, act: Act): { bytesPerSecond: number; afterMs: number } =>
  jobs.includes(act.kind) && random.chance(0.6)
    ? { bytesPerSecond: (4 + random.int(8)) * megabyte, afterMs: random.int(700) }
    : { bytesPerSecond: 0, afterMs: random.int(usualMs[act.kind]) };

interface Begun {
  readonly act: Act;
  readonly operation: Json;
  readonly bytesPerSecond: number;
  readonly afterMs: number;
}

/** What has no plan may be refused, for a reason that is not seen from here. */
const begin = async (random: Random, strata: Strata, world: World): Promise<Begun | null> => {
  for (let attempt = 0; attempt < 10; attempt += 1) {
    const act = await randomAct(random, strata, world);
    if (act === null) return null;
    const moment = chooseMoment(random, act);
    const operation = await act.run(moment.bytesPerSecond);
    if (operation !== null) return { act, operation, ...moment };
  }
  return null;
};

/** One operation, one kill, one look at everything. Null when nothing can be done in this forest any more. */
export const playRound = async (
  random: Random,
  strata: Strata,
  scratch: string,
): Promise<RoundEnd | null> => {
  await live(random, strata);
  const before = await observe(strata, scratch);
  const begun = await begin(random, strata, before);
  if (begun === null) return null;
  const { act, operation, bytesPerSecond, afterMs } = begun;
  const victim = randomVictim(random);
  await delay(afterMs);
  const seen = await strata.ok('GET', `/operations/${operation.id}`);
  const vm = act.vmId === null ? null : (before.vms.get(act.vmId) ?? null);
  const killed = await strike(victim, strata, vm);
  const next = killed.server ? await restart(random, strata, victim) : strata;
  // Refused when all is copied already.
  if (bytesPerSecond > 0) await next.call('PATCH', `/operations/${operation.id}`, { bytesPerSecond: 0 });

  const outcome = await settled(next, operation, killed);
  const moment = `${afterMs} ms${bytesPerSecond > 0 ? ` at ${bytesPerSecond / megabyte} MiB/s` : ''}`;
  const tookMs = Date.parse(outcome.endedAt) - Date.parse(outcome.createdAt);
  const how = outcome.recovery === null ? '' : ` (${outcome.recovery})`;
  const why = outcome.error === undefined ? '' : `: ${outcome.error.message}`;
  return {
    strata: next,
    words: `${act.words}; killed after ${moment}, ${seen.state}: ${killed.words} → ${outcome.state} after ${tookMs} ms${why}${how}`,
    hitTheMiddle: isMoving(seen),
    complaints: await inspect(next, scratch, before, act, outcome, killed),
  };
};

/** Everything off: no process left, and every file whole, those included that VMs have written until now. */
export const closeForest = async (strata: Strata, scratch: string): Promise<string[]> => {
  const { items }: Json = await strata.ok('GET', '/vms');
  for (const vm of items) if (vm.pid !== undefined) await strata.ok('POST', `/vms/${vm.id}/poweroff`);
  const world = await observe(strata, scratch);
  return [...(await complaintsOfFiles(world)), ...(await complaintsOfProcesses(strata, world))];
};
