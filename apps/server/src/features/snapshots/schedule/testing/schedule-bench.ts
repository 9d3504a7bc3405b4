import { forestWith } from '@strata/backing-chain/testing';
import type { Operation, TakeSnapshot, Vm } from '@strata/contract';
import { AppError } from '../../../../app-error.ts';
import { openTestDatabase } from '../../../../testing/test-database.ts';
import type { SchedulesDeps } from '../schedules.service.ts';
import { createSchedulesService } from '../schedules.service.ts';
import type { SchedulesService } from '../schedules.types.ts';
import { type TestClock, testClock } from './test-clock.ts';

export const startOfTests = Date.parse('2026-03-01T10:00:00Z');

interface Taken {
  readonly vmId: string;
  readonly wish: TakeSnapshot;
  readonly origin: string | undefined;
}
type Listener = Parameters<SchedulesDeps['events']['subscribe']>[0];

/** Schedules on a real database and a clock of the test; what they call is told by the test. */
export interface ScheduleBench {
  readonly clock: TestClock;
  schedules: SchedulesService;
  readonly taken: Taken[];
  /** What the VMs are. */
  readonly vm: {
    state: Vm['state'];
    changed: boolean;
    working: string | null;
    /** The disks of its last snapshot. */
    covered: readonly string[];
  };
  /** What a take does instead. */
  take: () => Promise<Partial<Operation>>;
  /** Refuses the next take before anything is begun. */
  refuseNext: AppError | null;
  /** A start of the server on the same database. */
  restart(): void;
  remove(vmId: string): void;
  /** The VM goes into another state. */
  become(state: Vm['state']): void;
  dispose(): void;
}

export const scheduleBench = (vmIds: readonly string[] = ['vmone']): ScheduleBench => {
  const { db, dispose } = openTestDatabase();
  const insert = db.prepare(
    "INSERT INTO vms (id, uuid, name, definition, created_at) VALUES (@id, @id, @id, '{}', '')",
  );
  for (const id of vmIds) insert.run({ id });
  const known = db.prepare('SELECT 1 FROM vms WHERE id = ?');
  const listeners = new Set<Listener>();
  const endings = new Map<string, Promise<Partial<Operation>>>();
  const get = (id: string): Vm => {
    if (known.get(id) === undefined) throw new AppError('not-found', 'There is no such VM.');
    return { id, name: id, state: bench.vm.state, disks: [{ id: 'd', imageId: 'image' }] } as unknown as Vm;
  };
  const start = (): SchedulesService =>
    createSchedulesService({
      db,
      clock: bench.clock,
      log: (error: unknown) => {
        throw error;
      },
      events: {
        publish: (event: Parameters<Listener>[0]) => {
          for (const listener of listeners) listener(event);
        },
        subscribe: (listener: Listener) => {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
      },
      images: { scan: async () => {}, forest: () => forestWith([]) },
      vms: { get, live: () => (bench.vm.state === 'off' ? null : {}) },
      operations: {
        activeOn: () => (bench.vm.working === null ? null : { title: bench.vm.working }),
        ended: async (id: string) => ({ id, state: 'done', ...(await endings.get(id)) }),
      },
      snapshots: {
        tree: async () => ({ tree: [], current: { snapshotId: 'last', changed: bench.vm.changed } }),
        get: () => ({
          name: 'the last one',
          disks: bench.vm.covered.map((diskId) => ({ diskId, imageId: 'below' })),
        }),
        take: async (vmId: string, wish: TakeSnapshot, origin?: string) => {
          const refusal = bench.refuseNext;
          bench.refuseNext = null;
          if (refusal !== null) throw refusal;
          bench.taken.push({ vmId, wish, origin });
          const id = `op${bench.taken.length}`;
          endings.set(id, bench.take());
          return { id };
        },
      },
      deletions: {},
    } as unknown as SchedulesDeps);
  const bench: ScheduleBench = {
    clock: testClock(startOfTests),
    schedules: undefined as unknown as SchedulesService,
    taken: [],
    vm: { state: 'running', changed: true, working: null, covered: ['d'] },
    take: async () => ({}),
    refuseNext: null,
    restart: () => {
      bench.schedules.close();
      bench.schedules = start();
      bench.schedules.start();
    },
    remove: (vmId) => void db.prepare('DELETE FROM vms WHERE id = ?').run(vmId),
    become: (state) => {
      bench.vm.state = state;
      for (const listener of listeners)
        for (const id of vmIds) listener({ type: 'vm', id, change: 'updated', data: get(id) });
    },
    dispose: () => {
      bench.schedules.close();
      dispose();
    },
  };
  bench.schedules = start();
  bench.schedules.start();
  return bench;
};
