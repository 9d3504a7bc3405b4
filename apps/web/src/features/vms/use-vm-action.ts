import { endpoints, type Vm } from '@strata/contract';
import { type QueryClient, useMutation, useQueryClient } from '@tanstack/react-query';
import { call } from '../../api/call.ts';
import { keys } from '../../api/queries.ts';
import { notifyError } from '../../ui/notify.tsx';
import type { VmVerb } from './vm-can.ts';

const calls: Record<VmVerb, (id: string) => Promise<Vm>> = {
  start: (id) => call(endpoints.startVm, { params: { id }, body: {} }),
  shutdown: (id) => call(endpoints.shutdownVm, { params: { id }, body: {} }),
  poweroff: (id) => call(endpoints.poweroffVm, { params: { id }, body: {} }),
  reset: (id) => call(endpoints.resetVm, { params: { id }, body: {} }),
  pause: (id) => call(endpoints.pauseVm, { params: { id }, body: {} }),
  resume: (id) => call(endpoints.resumeVm, { params: { id }, body: {} }),
  // An operation: the bar at the bottom follows it, and the VM tells when it is suspended.
  suspend: async (id) => {
    await call(endpoints.suspendVm, { params: { id }, body: {}, query: {} });
    return call(endpoints.getVm, { params: { id } });
  },
  forgetMemory: (id) => call(endpoints.forgetMemory, { params: { id }, body: {} }),
};

/** Carries a verb out; its error is shown as a notification, because any page may have asked. */
export function useVmAction(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationKey: ['vm-action', id],
    mutationFn: (verb: VmVerb) => calls[verb](id),
    onSuccess: (vm) => rememberVm(client, vm),
    onError: notifyError,
  });
}

/** The same for any VM, where there is no room for a hook per VM (the command palette). */
export function useAnyVmAction() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, verb }: { id: string; verb: VmVerb }) => calls[verb](id),
    onSuccess: (vm) => rememberVm(client, vm),
    onError: notifyError,
  });
}

/** Takes a VM that was deleted out of the lists, so that nothing is asked of it any more. */
export function forgetVm(client: QueryClient, id: string): void {
  client.setQueryData<{ items: Vm[]; total: number }>([...keys.vms, 'list'], (list) => {
    const items = list?.items.filter((each) => each.id !== id);
    return items && { items, total: items.length };
  });
}

/** Puts the VM that a call answered where all pages read it. */
export function rememberVm(client: QueryClient, vm: Vm): void {
  client.setQueryData(keys.vm(vm.id), vm);
  client.setQueryData<{ items: Vm[]; total: number }>([...keys.vms, 'list'], (list) => {
    if (!list) return list;
    const index = list.items.findIndex((each) => each.id === vm.id);
    return index === -1
      ? { ...list, items: [...list.items, vm], total: list.total + 1 }
      : { ...list, items: list.items.with(index, vm) };
  });
}
