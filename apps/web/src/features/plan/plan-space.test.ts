import type { Plan } from '@strata/contract';
import { expect, test } from 'vitest';
import { shortageOf } from './plan-space.ts';

const planOn = (...spaces: NonNullable<Plan['spaces']>): Plan =>
  ({ spaces, freeSpaceNeeded: 0, freeSpace: null }) as unknown as Plan;
const disk = { mountPoint: '/', reserve: 50 };

test.each([
  ['fits beside the reserve', [{ ...disk, needed: 30, free: 100 }], 'none'],
  ['needs nothing on a full disk', [{ ...disk, needed: 0, free: 0 }], 'none'],
  ['is on a file system that does not say', [{ ...disk, needed: 30, free: null }], 'none'],
  ['fits only into the reserve', [{ ...disk, needed: 60, free: 100 }], 'reserve'],
  ['does not fit at all', [{ ...disk, needed: 101, free: 100 }], 'disk'],
  [
    'fits on one file system and not on the other',
    [
      { ...disk, needed: 60, free: 100 },
      { ...disk, mountPoint: '/mnt', needed: 200, free: 100 },
    ],
    'disk',
  ],
] as const)('a plan that %s', (_, spaces, shortage) => {
  expect(shortageOf(planOn(...spaces))).toBe(shortage);
});
