import { expect, it } from 'vitest';
import { afterwardsOf } from './revert-afterwards.ts';

const values = (memory: boolean, state: 'running' | 'off' | 'suspended') =>
  afterwardsOf({ memory }, { state }).map(({ value }) => value);

it('offers a VM to be as it was, unless it is suspended: it will be off or started then', () => {
  expect(values(false, 'running')).toEqual(['asWas', 'start', 'off']);
  expect(values(false, 'off')).toEqual(['asWas', 'start', 'off']);
  expect(values(false, 'suspended')).toEqual(['off', 'start']);
});

it('offers to go on from memory, or to stand there', () => {
  expect(values(true, 'suspended')).toEqual(['start', 'off']);
});
