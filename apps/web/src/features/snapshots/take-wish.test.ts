import type { SnapshotForecast, Vm } from '@strata/contract';
import { describe, expect, it } from 'vitest';
import { kindRefusal, takeBody } from './take-wish.ts';

const vm = (state: Vm['state']) => ({ state, disks: [{ id: 'a' }, { id: 'b' }] }) as unknown as Vm;
const wish = {
  name: ' before ',
  description: ' ',
  kind: 'disks',
  quiesce: true,
  disks: ['a', 'b'],
  stopAfterSeconds: 30,
} as const;

describe('what is asked for', () => {
  it('names the disks only when one is left out, and freezes only what runs without its memory being kept', () => {
    expect(takeBody(vm('running'), wish)).toEqual({
      name: 'before',
      kind: 'external',
      memory: false,
      quiesce: true,
    });
    expect(takeBody(vm('off'), wish).quiesce).toBeUndefined();
    expect(takeBody(vm('running'), { ...wish, kind: 'memory' })).toMatchObject({
      memory: true,
      stopAfterSeconds: 30,
    });
    expect(takeBody(vm('running'), { ...wish, kind: 'memory' }).quiesce).toBeUndefined();
    expect(takeBody(vm('running'), { ...wish, disks: ['b'] }).disks).toEqual(['b']);
    expect(takeBody(vm('running'), { ...wish, kind: 'memory', disks: ['b'] }).disks).toBeUndefined();
  });
  it('has a limit only for a memory that is copied while the guest runs', () => {
    expect(takeBody(vm('off'), { ...wish, kind: 'memory' }).stopAfterSeconds).toBeUndefined();
    expect(takeBody(vm('running'), { ...wish, kind: 'internal-memory' })).toEqual({
      name: 'before',
      kind: 'internal',
      memory: true,
    });
  });
});

describe('a kind that is not possible', () => {
  const possible = { possible: true };
  const forecast = {
    kinds: [
      { kind: 'external', memory: false, possible: true },
      { kind: 'internal', memory: false, possible: false, reason: 'vdb is raw.' },
    ],
    disks: [
      { diskId: 'a', internal: possible },
      { diskId: 'b', internal: { possible: false, reason: 'vdb is raw.' } },
    ],
  } as unknown as SnapshotForecast;

  it('says why, and one that nobody knows of yet says nothing', () => {
    expect(kindRefusal(forecast, 'internal', ['a', 'b'])).toBe('vdb is raw.');
    expect(kindRefusal(forecast, 'disks', ['a', 'b'])).toBeNull();
    expect(kindRefusal(undefined, 'disks', ['a'])).toBeUndefined();
  });
  it('is possible again without the disk that stands in its way', () => {
    expect(kindRefusal(forecast, 'internal', ['a'])).toBeNull();
  });
});
