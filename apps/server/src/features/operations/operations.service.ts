import type { Operation } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import type { Db } from '../../db/open-database.ts';
import { newId } from '../../new-id.ts';
import type { Events } from '../events/events.types.ts';
import { createLetGo } from './let-go.ts';
import { conflicts, lockedImages } from './operation-locks.ts';
import { hasEnded, type OperationRow, toOperation } from './operation-row.ts';
import { OperationRun } from './operation-run.ts';
import { operationsRepository } from './operations.repository.ts';
import type { Executor, OperationLocks, OperationsService, StartOperation } from './operations.types.ts';
import { taintedLayersRepository } from './tainted-layers.repository.ts';

const pageSize = 50;
/** A cancelled job ends within a moment; the answer then shows it ended. */
const cancelWaitSeconds = 5;

/** It begins at once: one write says both. */
const newRow = (operation: StartOperation<unknown, unknown>, at: string): OperationRow => ({
  id: newId(),
  kind: operation.kind,
  title: operation.title,
  state: 'running',
  request: operation.request,
  journal: operation.journal,
  steps: operation.steps.map((text) => ({ text, state: 'todo', at: null })),
  subjects: operation.subjects,
  locks: operation.locks,
  unit: operation.unit,
  done: 0,
  total: operation.total,
  pausedBecause: null,
  cancelNote: operation.cancelNote,
  recovery: null,
  error: null,
  result: null,
  createdAt: at,
  startedAt: at,
  endedAt: null,
});

export interface OperationsDeps {
  readonly db: Db;
  readonly events: Events;
  readonly log?: (error: unknown, message: string) => void;
}

/**
 * Durable work: written down before its first step, locked against other work on the same layers and VMs, taken up
 * again after a crash. What an operation does is its executor's; this knows nothing of QEMU.
 */
export const createOperationsService = ({
  db,
  events,
  log = () => {},
}: OperationsDeps): OperationsService => {
  const repository = operationsRepository(db);
  const taints = taintedLayersRepository(db);
  const executors = new Map<string, Executor<unknown, unknown>>();
  const holds: ((locks: OperationLocks) => void)[] = [];
  let closing = false;

  const publish = (operation: Operation, change: 'created' | 'updated' = 'updated') =>
    events.publish({ type: 'operation', id: operation.id, change, data: operation });
  const letGo = createLetGo();
  const runDeps = { db, repository, taints, publish, log, isClosing: () => closing, letGo: letGo.note };

  // Also those that a crash left and `recover` has not taken up yet: their locks hold from the first moment.
  const runs = new Map<string, OperationRun>();
  const waitingForRecovery: OperationRun[] = [];
  for (const row of repository.unfinished()) {
    const run = new OperationRun(row, runDeps);
    runs.set(row.id, run);
    waitingForRecovery.push(run);
  }

  /** What shows the lock (and afterwards the result) has to be fetched anew. */
  const publishLocked = (locks: OperationLocks) => {
    for (const id of lockedImages(locks)) events.publish({ type: 'image', id, change: 'updated' });
    for (const id of locks.vms) events.publish({ type: 'vm', id, change: 'updated' });
  };

  const launch = (run: OperationRun, executor: Executor<unknown, unknown>, resumed: boolean) => {
    const { locks } = run.row;
    const work = async () => {
      try {
        await run.execute(executor, resumed);
      } catch (error) {
        log(error, `operation ${run.row.id} could not be recorded`);
      } finally {
        if (!closing) {
          if (hasEnded(run.row)) runs.delete(run.row.id);
          publishLocked(locks);
        }
      }
    };
    void work();
  };

  const runOf = (id: string): OperationRun => {
    const run = runs.get(id);
    if (run !== undefined) return run;
    if (repository.find(id) === null) throw new AppError('not-found', `There is no operation ${id}.`);
    throw new AppError('operation-state', 'The operation has ended.');
  };

  const get = (id: string): Operation => {
    const run = runs.get(id);
    if (run !== undefined) return run.toOperation();
    const row = repository.find(id);
    if (row === null) throw new AppError('not-found', `There is no operation ${id}.`);
    return toOperation(row);
  };

  const wait = async (id: string, seconds: number): Promise<Operation> => {
    const run = runs.get(id);
    if (run !== undefined && seconds > 0) {
      let timer: NodeJS.Timeout | undefined;
      const timeout = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, seconds * 1000);
      });
      await Promise.race([run.ended, timeout]);
      clearTimeout(timer);
    }
    return get(id);
  };

  const holderOf = (locks: OperationLocks): OperationRun | undefined =>
    [...runs.values()].find((run) => !hasEnded(run.row) && conflicts(run.row.locks, locks));

  return {
    taints,
    get,
    wait,
    ended: async (id) => {
      const run = runs.get(id);
      await run?.ended;
      return run?.toOperation() ?? get(id);
    },
    register: (executor) => {
      executors.set(executor.kind, executor as Executor<unknown, unknown>);
    },
    addHold: (hold) => void holds.push(hold),
    look: letGo.now,
    start: (operation) => {
      const executor = executors.get(operation.kind);
      if (executor === undefined) throw new Error(`nobody carries out ${operation.kind}`);
      if (closing) throw new AppError('operation-state', 'The server is ending.');
      const holder = holderOf(operation.locks);
      if (holder !== undefined)
        throw new AppError(
          'operation-running',
          `“${holder.row.title}” is working on this. Wait for it to end, or cancel it first.`,
        );
      for (const hold of holds) hold(operation.locks);
      if (operation.lookedAt !== undefined && letGo.since(operation.lookedAt, operation.locks))
        throw new AppError(
          'plan-stale',
          'Another operation has just worked on this. Look at the plan as it is now.',
        );
      const run = new OperationRun(newRow(operation, new Date().toISOString()), runDeps);
      repository.insert(run.row);
      runs.set(run.row.id, run);
      publish(run.toOperation(), 'created');
      publishLocked(operation.locks);
      launch(run, executor, false);
      return run.toOperation();
    },
    list: (query) => {
      if (query.sort !== undefined && query.sort !== '-createdAt')
        throw new AppError('invalid-request', 'Operations are sorted by "-createdAt" only.');
      if (query.cursor !== undefined && !/^\d{1,15}$/.test(query.cursor))
        throw new AppError('invalid-request', 'The cursor is not one that this list has given.');
      const limit = query.limit ?? pageSize;
      const { rows, total } = repository.page(query, limit);
      const shown = rows.slice(0, limit);
      const last = shown.at(-1);
      return {
        items: shown.map((row) => runs.get(row.id)?.toOperation() ?? toOperation(row)),
        total,
        ...(rows.length > limit && last !== undefined ? { nextCursor: String(last.position) } : {}),
      };
    },
    pause: async (id) => {
      await runOf(id).pause();
      return get(id);
    },
    resume: async (id) => {
      await runOf(id).resume();
      return get(id);
    },
    cancel: async (id) => {
      runOf(id).cancel();
      return wait(id, cancelWaitSeconds);
    },
    setSpeed: async (id, bytesPerSecond) => {
      await runOf(id).setSpeed(bytesPerSecond);
      return get(id);
    },
    uses: () =>
      [...runs.values()]
        .filter((run) => !hasEnded(run.row))
        .flatMap(({ row }) =>
          lockedImages(row.locks).map((imageId) => ({
            operationId: row.id,
            title: row.title,
            imageId,
            changes: row.locks.images.includes(imageId),
          })),
        ),
    making: () =>
      [...runs.values()]
        .filter((run) => !hasEnded(run.row))
        .flatMap(({ row }) => [...(executors.get(row.kind)?.making?.(row.request, row.journal) ?? [])]),
    standsStill: (vmId) => {
      const still = [...runs.values()].find(
        ({ row }) =>
          !hasEnded(row) &&
          row.locks.vms.includes(vmId) &&
          executors.get(row.kind)?.standsStill?.(row.journal) === true,
      );
      return still?.toOperation() ?? null;
    },
    activeOn: ({ images = [], vms = [] }) => holderOf({ images, vms })?.toOperation() ?? null,
    recover: async (settled) => {
      for (const run of waitingForRecovery.splice(0)) {
        const executor = executors.get(run.row.kind);
        if (executor === undefined) {
          run.giveUp(`This version of Strata cannot carry on an operation of the kind “${run.row.kind}”.`);
          runs.delete(run.row.id);
        } else if (settled === undefined || run.row.locks.vms.length === 0) launch(run, executor, true);
        else void settled(run.row.locks.vms).then(() => closing || launch(run, executor, true));
      }
    },
    close: () => {
      closing = true;
    },
  };
};
