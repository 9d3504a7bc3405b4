import type { PutSchedule, SnapshotSchedule } from '@strata/contract';
import type { Db } from '../../../db/open-database.ts';
import type { Events } from '../../events/events.types.ts';
import type { ImagesService } from '../../images/images.types.ts';
import type { OperationsService } from '../../operations/operations.types.ts';
import type { VmsService } from '../../vms/vms.types.ts';
import { snapshotsRepository } from '../snapshots.repository.ts';
import type { SnapshotDeletions, SnapshotsService } from '../snapshots.types.ts';
import { type Clock, systemClock } from './clock.ts';
import { type Outcome, skipped, together } from './schedule-outcome.ts';
import { nextAfter, periodOf, withinReach } from './schedule-times.ts';
import { type DueSchedule, schedulesRepository } from './schedules.repository.ts';
import type { SchedulesService } from './schedules.types.ts';
import { createStandstills } from './standstills.ts';
import { takeScheduled } from './take-scheduled.ts';
import { thinScheduled } from './thin-scheduled.ts';

export interface SchedulesDeps {
  readonly db: Db;
  readonly images: ImagesService;
  readonly vms: VmsService;
  readonly operations: OperationsService;
  readonly snapshots: SnapshotsService;
  readonly deletions: SnapshotDeletions;
  readonly events: Events;
  readonly log: (error: unknown, message: string) => void;
  readonly clock?: Clock;
}

/** Timers neither count the hours that a host sleeps nor see its clock being set: the time is looked at again by then. */
const longestWait = 3_600_000;

const never: SnapshotSchedule = {
  enabled: false,
  every: { count: 1, unit: 'days' },
  keep: 7,
  memory: false,
  quiesce: false,
  nextAt: null,
  last: null,
};

const iso = (at: number): string => new Date(at).toISOString();
const isSameRhythm = (one: SnapshotSchedule['every'], other: SnapshotSchedule['every']): boolean =>
  periodOf(one) === periodOf(other);

/** One timer, for whichever VM is next. */
export const createSchedulesService = (deps: SchedulesDeps): SchedulesService => {
  const { vms, events, log, clock = systemClock } = deps;
  const schedules = schedulesRepository(deps.db);
  const repository = snapshotsRepository(deps.db);
  const standstills = createStandstills(deps);
  /** VMs of which one is being carried out, the thinning included. */
  const working = new Set<string>();
  let state: 'new' | 'started' | 'closed' = 'new';
  let stopWaiting = (): void => {};

  const ending = (): boolean => state === 'closed';
  const put = (vmId: string, schedule: SnapshotSchedule): void => {
    schedules.put(vmId, schedule);
    events.publish({ type: 'snapshot', id: vmId, change: 'updated' });
  };
  const tell = (vmId: string, outcome: Outcome): void => {
    const schedule = schedules.find(vmId);
    if (schedule !== null) put(vmId, { ...schedule, last: { at: iso(clock.now()), ...outcome } });
  };

  const takeAndThin = async (vmId: string, schedule: SnapshotSchedule): Promise<void> => {
    const taking = { ...deps, stoodStill: standstills.has };
    const taken = await takeScheduled(taking, vmId, schedule, clock.now());
    if (ending()) return;
    standstills.note(vmId, schedule.memory && taken.outcome === 'taken');
    tell(vmId, taken);
    const thinned = await thinScheduled({ ...deps, repository, ending }, vmId, schedule.keep);
    if (!ending() && thinned !== null) tell(vmId, together(taken, thinned));
  };

  const carryOut = async (vmId: string, schedule: SnapshotSchedule): Promise<void> => {
    if (working.has(vmId)) return tell(vmId, skipped('Older automatic snapshots were still being merged.'));
    working.add(vmId);
    try {
      await takeAndThin(vmId, schedule);
    } catch (error) {
      if (!ending()) log(error, `the automatic snapshot of ${vmId} could not be carried out`);
    } finally {
      working.delete(vmId);
    }
  };

  /** Written down before anything is taken: killed meanwhile, it is not taken twice. */
  const look = ({ vmId, schedule, due }: DueSchedule): void => {
    const now = clock.now();
    const next = withinReach(nextAfter(due, schedule.every, now), schedule.every, now);
    if (next === due) return;
    put(vmId, { ...schedule, nextAt: iso(next) });
    if (due <= now) void carryOut(vmId, schedule);
  };

  const wait = (): void => {
    stopWaiting();
    if (state !== 'started') return;
    const next = Math.min(...schedules.upcoming().map(({ due }) => due));
    if (next === Number.POSITIVE_INFINITY) return;
    stopWaiting = clock.after(Math.min(Math.max(next - clock.now(), 1), longestWait), wake);
  };
  const wake = (): void => {
    try {
      for (const upcoming of schedules.upcoming()) look(upcoming);
      wait();
    } catch (error) {
      // Nothing can be written down, so nothing is begun either.
      log(error, 'automatic snapshots could not be looked after');
      stopWaiting = clock.after(longestWait, wake);
    }
  };

  const nextOf = (wish: PutSchedule, before: SnapshotSchedule): string | null => {
    if (!wish.enabled) return null;
    if (before.nextAt !== null && isSameRhythm(before.every, wish.every)) return before.nextAt;
    return iso(clock.now() + periodOf(wish.every));
  };

  return {
    get: (vmId) => schedules.find(vms.get(vmId).id) ?? never,
    put: (vmId, wish) => {
      const before = schedules.find(vms.get(vmId).id) ?? never;
      const { last } = before;
      const schedule = { ...wish, nextAt: nextOf(wish, before), last };
      put(vmId, schedule);
      wait();
      return schedule;
    },
    start: () => {
      if (state !== 'new') return;
      state = 'started';
      wake();
    },
    close: () => {
      state = 'closed';
      stopWaiting();
      standstills.close();
    },
  };
};
