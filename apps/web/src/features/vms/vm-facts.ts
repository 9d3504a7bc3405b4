import type { Vm } from '@strata/contract';
import { formatBytes } from '../../lib/format.ts';
import { words } from '../../lib/words.ts';

/** The deepest chain among the disks; 0 without disks. */
export function chainDepth(vm: Vm): number {
  return Math.max(0, ...vm.disks.map((disk) => disk.chainLength));
}

/** `4 CPU · 4 GiB`. */
export function sizeFact(vm: Vm): string {
  return `${words.vms.facts.cpus(vm.cpus)} · ${formatBytes(vm.memory)}`;
}

export function layersFact(vm: Vm): string {
  const depth = chainDepth(vm);
  return depth === 0 ? words.vms.facts.noDisk : words.vms.facts.layers(depth);
}

export function address(vm: Vm): string | null {
  return vm.guest?.addresses[0] ?? null;
}

export type VmSort = keyof typeof words.vms.list.sorts;

const stateOrder: Record<Vm['state'], number> = {
  running: 0,
  starting: 1,
  stopping: 2,
  paused: 3,
  crashed: 4,
  suspended: 5,
  off: 6,
};

/** What the list shows: every word of the filter must occur in name, guest's system, notes or an address. */
export function filterVms(
  vms: readonly Vm[],
  filter: { text: string; state: Vm['state'] | 'any' },
  sort: VmSort,
): Vm[] {
  const wanted = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  const matching = vms.filter((vm) => {
    if (filter.state !== 'any' && vm.state !== filter.state) return false;
    const text = [
      vm.name,
      vm.arch,
      vm.guest?.os,
      vm.guest?.hostname,
      vm.notes,
      ...(vm.guest?.addresses ?? []),
    ]
      .join(' ')
      .toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
  const byName = (a: Vm, b: Vm) => a.name.localeCompare(b.name, undefined, { numeric: true });
  const compare: Record<VmSort, (a: Vm, b: Vm) => number> = {
    name: byName,
    state: (a, b) => stateOrder[a.state] - stateOrder[b.state] || byName(a, b),
    newest: (a, b) => b.createdAt.localeCompare(a.createdAt) || byName(a, b),
    memory: (a, b) => b.memory - a.memory || byName(a, b),
  };
  return matching.sort(compare[sort]);
}
