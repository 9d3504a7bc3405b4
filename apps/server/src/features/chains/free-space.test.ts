import type { ChainPlan, Forest } from '@strata/backing-chain';
import { expect, it } from 'vitest';
import { growthsOf } from './free-space.ts';

it('asks for room where the data will lie: for a move that is the new folder', () => {
  const layer = { id: 'a', path: '/here/a.qcow2' };
  const forest = { layers: new Map([['a', layer]]) } as unknown as Forest;
  const plan = { grows: { layer: 'a', bytes: 5 } } as unknown as ChainPlan;
  expect(growthsOf(forest, plan)).toEqual([{ path: '/here/a.qcow2', bytes: 5 }]);
  const relocates = { layer: 'a', from: '/here/a.qcow2', to: '/there/a.qcow2' };
  expect(growthsOf(forest, { ...plan, relocates })).toEqual([{ path: '/there/a.qcow2', bytes: 5 }]);
});
