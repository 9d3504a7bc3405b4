import type { QmpClient } from '@strata/qmp';
import type { BlockEngine, BlockEngines } from '../../../qemu/block-engine.types.ts';
import type { LiveVm } from '../../vms/vms.types.ts';
import type { BenchImages } from './bench-images.ts';
import type { Disturbance } from './chain-bench.ts';

/** A call after which nothing comes: the process that made it is no more. */
const never = <Value>(): Promise<Value> => new Promise(() => {});

const killDaemon = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It had ended by itself already.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
};

/** How far apart the points of a sweep are: a run in a hurry takes every n-th, STRATA_ALL_KILLS=1 takes all. */
export const killStride = (every: number): number => (process.env.STRATA_ALL_KILLS === '1' ? 1 : every);

const slowedJobs = new Set(['block-commit', 'block-stream', 'blockdev-mirror']);

export interface KillPoints {
  readonly disturbance: Disturbance;
  /** Resolves with the name of the call before which everything ended. */
  readonly reached: Promise<string>;
  /** Names of all calls so far. */
  readonly calls: readonly string[];
  /** A service whose calls count too. */
  count<Service extends object>(service: Service): Service;
  /** A VM whose calls count too. */
  watch(vm: LiveVm): LiveVm;
  /** The last storage daemon that was started. */
  daemonPid(): number | null;
}

export interface KillWish {
  /** Ends everything before the call with this number, from 1; null: never. */
  readonly at: number | null;
  /** Only these calls count. */
  readonly only?: RegExp;
  /** The storage daemon is killed together with the server. */
  readonly daemonToo?: boolean;
  /** Bytes a second of block jobs, so that they can be met at work. */
  readonly speed?: number;
}

/**
 * Every call by which an operation touches the world outside the database (QMP commands, reading headers, unlinking)
 * is a point at which the server can be "killed": the call is not made, its promise never settles, its connections
 * are closed.
 */
export const killPoints = ({ at, only = /./, daemonToo = false, speed }: KillWish): KillPoints => {
  const calls: string[] = [];
  /** Connections to daemons; that to a VM is the test's own. */
  const clients = new Set<QmpClient>();
  let counted = 0;
  let dead = false;
  let pid: number | null = null;
  let tell: (call: string) => void = () => {};
  const reached = new Promise<string>((resolve) => {
    tell = resolve;
  });

  const pass = (call: string): boolean => {
    if (dead) return false;
    calls.push(call);
    if (only.test(call)) counted += 1;
    if (!only.test(call) || counted !== at) return true;
    dead = true;
    if (daemonToo && pid !== null) killDaemon(pid);
    for (const client of clients) client.close();
    tell(call);
    return false;
  };

  const watchedClient = (qmp: QmpClient): QmpClient => {
    const execute = (name: string, args?: Record<string, unknown>, ...rest: unknown[]): Promise<unknown> => {
      if (!pass(name)) return never();
      const slowed = speed !== undefined && slowedJobs.has(name) ? { ...args, speed } : args;
      return (qmp.execute as (...all: unknown[]) => Promise<unknown>)(name, slowed, ...rest);
    };
    return new Proxy(qmp, {
      get: (target, key) => {
        if (key === 'execute') return execute;
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  };

  return {
    reached,
    calls,
    count: (service) =>
      new Proxy(service, {
        get: (target, key) => {
          const value: unknown = Reflect.get(target, key, target);
          if (typeof value !== 'function') return value;
          return (...args: unknown[]): unknown => (pass(String(key)) ? value.apply(target, args) : never());
        },
      }),
    watch: (vm) => ({ ...vm, qmp: watchedClient(vm.qmp) }),
    daemonPid: () => pid,
    disturbance: {
      images: (images): BenchImages => ({
        ...images,
        refresh: (ids) => (pass('refresh') ? images.refresh(ids) : never()),
        checkedChain: (id) => (pass('check-chain') ? images.checkedChain(id) : never()),
        createPlacedOverlay: (placed) => (pass('overlay') ? images.createPlacedOverlay(placed) : never()),
        unlinkMerged: (id) => (pass('unlink') ? images.unlinkMerged(id) : never()),
        delete: (id) => (pass('trash') ? images.delete(id) : never()),
      }),
      engines: (engines): BlockEngines => ({
        ...engines,
        openDaemon: async (request) => {
          if (!pass('open')) return never();
          return watched(await engines.openDaemon(request));
        },
        adoptDaemon: async (identity) => {
          const engine = await engines.adoptDaemon(identity);
          return engine === null ? null : watched(engine);
        },
        live: (vm, diskId) => engines.live({ ...vm, qmp: watchedClient(vm.qmp) }, diskId),
      }),
    },
  };

  function watched(engine: BlockEngine): BlockEngine {
    pid = engine.daemon?.pid ?? null;
    clients.add(engine.qmp);
    const qmp = watchedClient(engine.qmp);
    return { ...engine, qmp, close: () => (pass('close') ? engine.close() : never()) };
  }
};
