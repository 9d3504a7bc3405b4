import type { QmpClient } from '@strata/qmp';
import type { LiveVm, VmsFeature } from '../features/vms/vms.types.ts';

type Mortal = <Service extends object>(service: Service) => Service;

/** What changes the block graph of a VM; the rest only looks. */
const changing = new Set(['transaction', 'blockdev-add', 'blockdev-del']);

const mortalMonitor = (qmp: QmpClient, mortal: Mortal): QmpClient => {
  const execute = qmp.execute.bind(qmp) as (name: string, ...rest: unknown[]) => Promise<unknown>;
  const guarded = (name: string, ...rest: unknown[]): Promise<unknown> =>
    changing.has(name)
      ? (mortal({ [name]: () => execute(name, ...rest) })[name]?.() ?? Promise.reject())
      : execute(name, ...rest);
  return new Proxy(qmp, {
    get: (target, key) => {
      if (key === 'execute') return guarded;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
};

/** VMs whose power, memory and disks are steps at which the server can die. */
export const mortalVms = (vms: VmsFeature, mortal: Mortal): VmsFeature => {
  const { start, poweroff, pause } = mortal(vms);
  const { save, goOn, stayPaused, standsSaved, keep, remove } = mortal(vms.memory);
  const watched = (vm: LiveVm): LiveVm => ({
    ...{ vmId: vm.vmId, pid: vm.pid, exited: vm.exited, qdevOf: (diskId) => vm.qdevOf(diskId) },
    get qmp() {
      return mortalMonitor(vm.qmp, mortal);
    },
  });
  return {
    ...vms,
    ...{ start, poweroff, pause },
    memory: { ...vms.memory, save, goOn, stayPaused, standsSaved, keep, remove },
    live: (vmId) => {
      const vm = vms.live(vmId);
      return vm === null ? null : watched(vm);
    },
  };
};
