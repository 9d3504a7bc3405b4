import type { Vm } from '@strata/contract';
import { describe, expect, it } from 'vitest';
import { takeRefusal } from './take-refusal.ts';

const disks = [{ id: 'disk' }] as unknown as Vm['disks'];

describe('the reason on a grey "Take snapshot"', () => {
  it('is none while the VM runs, is paused, is off or has crashed', () => {
    for (const state of ['running', 'paused', 'off', 'crashed'] as const)
      expect(takeRefusal({ disks, state })).toBeNull();
  });
  it('names what is between two states, and a VM without disks', () => {
    expect(takeRefusal({ disks, state: 'starting' })).toContain('starting');
    expect(takeRefusal({ disks, state: 'stopping' })).toContain('shutting down');
    expect(takeRefusal({ disks, state: 'suspended' })).toContain('suspended');
    expect(takeRefusal({ disks: [], state: 'off' })).toContain('no disk');
  });
  it('names the operation that is working on the VM', () => {
    expect(takeRefusal({ disks, state: 'off' }, 'Commit b into a')).toContain('“Commit b into a”');
  });
});
