import { type VmState, vmState } from '@strata/contract';
import { describe, expect, it } from 'vitest';
import { type VmVerb, verbLabel, vmRefusal } from './vm-can.ts';

const refusal = (verb: VmVerb | 'delete', state: VmState) => vmRefusal(verb, { state, problems: [] });
const verbs: VmVerb[] = [
  'start',
  'shutdown',
  'poweroff',
  'reset',
  'pause',
  'resume',
  'suspend',
  'forgetMemory',
];

describe('what a VM can do in its state', () => {
  it('starts from any state without a process, and only from those', () => {
    const startable = vmState.options.filter((state) => refusal('start', state) === null);
    expect(startable).toEqual(['off', 'suspended', 'crashed']);
  });

  it('can always be either started or powered off', () => {
    for (const state of vmState.options)
      expect(
        [refusal('start', state), refusal('poweroff', state)].filter((why) => why === null),
      ).toHaveLength(1);
  });

  it('is suspended while its guest is there, and then resumed by its start', () => {
    const suspendable = vmState.options.filter((state) => refusal('suspend', state) === null);
    expect(suspendable).toEqual(['running', 'paused']);
    expect(verbLabel('start', { state: 'suspended' })).toBe('Resume');
    expect(verbLabel('start', { state: 'off' })).toBe('Start');
    expect(refusal('forgetMemory', 'suspended')).toBeNull();
    expect(refusal('forgetMemory', 'off')).toMatch(/not suspended/);
  });

  it('says for a paused VM why it cannot be shut down', () => {
    expect(refusal('shutdown', 'paused')).toMatch(/resume it first/);
    expect(refusal('shutdown', 'stopping')).toMatch(/asked already/);
    expect(refusal('shutdown', 'off')).toMatch(/not running/);
  });

  it('has a reason in words for every refusal', () => {
    for (const state of vmState.options) for (const verb of verbs) expect(refusal(verb, state)).not.toBe('');
  });

  it('is deleted only without a process', () => {
    expect(refusal('delete', 'running')).toMatch(/Shut the VM down/);
    expect(refusal('delete', 'crashed')).toBeNull();
  });

  it('does not start while a layer of a disk is missing', () => {
    const problems = [{ code: 'layer-missing', message: 'The layer "b" of a disk is gone.' }];
    expect(vmRefusal('start', { state: 'off', problems })).toMatch(/missing/);
    expect(vmRefusal('delete', { state: 'off', problems })).toBeNull();
  });
});
