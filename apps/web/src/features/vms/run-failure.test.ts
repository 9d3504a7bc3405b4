import type { Vm } from '@strata/contract';
import { expect, it } from 'vitest';
import { runFailure } from './run-failure.ts';

const vm = (lastFailure: Partial<NonNullable<Vm['lastFailure']>>, more: Partial<Vm> = {}) => ({
  state: 'off' as const,
  problems: [],
  lastFailure: {
    at: '2026-11-23T08:00:00.000Z',
    code: 'internal-error',
    message: '',
    stderr: '',
    ...lastFailure,
  },
  ...more,
});

it('tells a run that ended badly from a start that failed and one that was refused', () => {
  expect(runFailure(vm({ code: 'crashed', stderr: 'panic' }, { state: 'crashed' }))?.kind).toBe('crashed');
  expect(runFailure(vm({ stderr: 'qemu: could not open' }))?.kind).toBe('failed');
  expect(runFailure(vm({ code: 'image-in-use' }))?.kind).toBe('refused');
});

it('does not repeat what a problem of the VM says, nor outlive the next start', () => {
  const problems = [{ code: 'layer-missing', message: 'The layer "b" of a disk is gone.' }];
  expect(runFailure(vm({ code: 'image-missing' }, { problems }))).toBeNull();
  expect(runFailure(vm({ code: 'crashed' }, { state: 'running' }))).toBeNull();
});
