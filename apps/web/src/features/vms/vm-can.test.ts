import { vmState } from '@strata/contract';
import { describe, expect, it } from 'vitest';
import { type VmVerb, vmRefusal } from './vm-can.ts';

const verbs: VmVerb[] = ['start', 'shutdown', 'poweroff', 'reset', 'pause', 'resume'];

describe('what a VM can do in its state', () => {
  it('starts from any state without a process, and only from those', () => {
    const startable = vmState.options.filter((state) => vmRefusal('start', state) === null);
    expect(startable).toEqual(['off', 'suspended', 'crashed']);
  });

  it('can always be either started or powered off', () => {
    for (const state of vmState.options)
      expect(
        [vmRefusal('start', state), vmRefusal('poweroff', state)].filter((why) => why === null),
      ).toHaveLength(1);
  });

  it('says for a paused VM why it cannot be shut down', () => {
    expect(vmRefusal('shutdown', 'paused')).toMatch(/resume it first/);
    expect(vmRefusal('shutdown', 'stopping')).toMatch(/asked already/);
    expect(vmRefusal('shutdown', 'off')).toMatch(/not running/);
  });

  it('has a reason in words for every refusal', () => {
    for (const state of vmState.options)
      for (const verb of verbs) expect(vmRefusal(verb, state)).not.toBe('');
  });

  it('is deleted only without a process', () => {
    expect(vmRefusal('delete', 'running')).toMatch(/Shut the VM down/);
    expect(vmRefusal('delete', 'crashed')).toBeNull();
  });
});
