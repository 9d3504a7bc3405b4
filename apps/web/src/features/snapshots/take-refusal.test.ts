import type { Vm } from '@strata/contract';
import { describe, expect, it } from 'vitest';
import { takeRefusal } from './take-refusal.ts';

const problems: Vm['problems'] = [];
const disks = [{ id: 'disk' }] as unknown as Vm['disks'];

describe('the reason on a grey "Take snapshot"', () => {
  it('is none while the VM runs, is paused, is off or has crashed', () => {
    for (const state of ['running', 'paused', 'off', 'crashed'] as const)
      expect(takeRefusal({ disks, state, problems })).toBeNull();
  });
  it('names what is between two states, and a VM without disks', () => {
    expect(takeRefusal({ disks, state: 'starting', problems })).toContain('starting');
    expect(takeRefusal({ disks, state: 'stopping', problems })).toContain('shutting down');
    expect(takeRefusal({ disks, state: 'suspended', problems })).toContain('suspended');
    expect(takeRefusal({ disks: [], state: 'off', problems })).toContain('no disk');
  });
  it('names a layer that is gone', () => {
    const gone = [{ code: 'layer-missing', message: '' }];
    expect(takeRefusal({ disks, state: 'off', problems: gone })).toContain('missing');
  });
});
