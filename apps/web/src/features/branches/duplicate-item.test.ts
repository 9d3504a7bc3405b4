import { expect, it } from 'vitest';
import { words } from '../../lib/words.ts';
import { duplicateRefusal } from './duplicate-item.tsx';

it('offers a duplicate of a VM at rest only, and says what to do instead', () => {
  const { running, suspended } = words.copies.duplicate;
  expect(duplicateRefusal({ state: 'off' })).toBeNull();
  expect(duplicateRefusal({ state: 'crashed' })).toBeNull();
  expect(duplicateRefusal({ state: 'running' })).toBe(running);
  expect(duplicateRefusal({ state: 'paused' })).toBe(running);
  expect(duplicateRefusal({ state: 'suspended' })).toBe(suspended);
});
