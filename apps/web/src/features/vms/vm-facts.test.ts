import type { Vm } from '@strata/contract';
import { describe, expect, it } from 'vitest';
import { chainDepth, filterVms } from './vm-facts.ts';

const vm = (name: string, part: Partial<Vm> = {}): Vm =>
  ({
    name,
    state: 'off',
    arch: 'x86_64',
    notes: '',
    memory: 1,
    createdAt: '2026-01-01',
    disks: [],
    ...part,
  }) as Vm;
const names = (vms: Vm[]) => vms.map((each) => each.name);

describe('the list of VMs', () => {
  const all = [
    vm('web-10', { state: 'running', createdAt: '2026-03-01' }),
    vm('web-9', { memory: 9, guest: { agent: true, addresses: ['10.0.2.15'], os: 'Debian 12' } }),
    vm('Build', { state: 'crashed', createdAt: '2026-05-01' }),
  ];

  it('is sorted by name as people count', () => {
    expect(names(filterVms(all, { text: '', state: 'any' }, 'name'))).toEqual(['Build', 'web-9', 'web-10']);
  });

  it('can show running ones, the newest or the largest first', () => {
    expect(names(filterVms(all, { text: '', state: 'any' }, 'state'))).toEqual(['web-10', 'Build', 'web-9']);
    expect(names(filterVms(all, { text: '', state: 'any' }, 'newest'))[0]).toBe('Build');
    expect(names(filterVms(all, { text: '', state: 'any' }, 'memory'))[0]).toBe('web-9');
  });

  it('finds by name, guest system and address, all words at once', () => {
    expect(names(filterVms(all, { text: 'WEB debian', state: 'any' }, 'name'))).toEqual(['web-9']);
    expect(names(filterVms(all, { text: '10.0.2', state: 'any' }, 'name'))).toEqual(['web-9']);
    expect(filterVms(all, { text: 'web', state: 'crashed' }, 'name')).toEqual([]);
  });

  it('leaves the order of what it was given alone', () => {
    filterVms(all, { text: '', state: 'any' }, 'name');
    expect(names(all)).toEqual(['web-10', 'web-9', 'Build']);
  });
});

it('counts the layers of the deepest disk', () => {
  const disk = (chainLength: number) => ({ chainLength }) as Vm['disks'][number];
  expect(chainDepth(vm('a', { disks: [disk(2), disk(5)] }))).toBe(5);
  expect(chainDepth(vm('a'))).toBe(0);
});
