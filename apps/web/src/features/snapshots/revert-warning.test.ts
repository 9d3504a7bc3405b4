import { expect, test } from 'vitest';
import { words } from '../../lib/words.ts';
import { revertWarning } from './revert-warning.ts';

const { revert } = words.snapshots;

test('a running or paused guest that is powered off loses what it has not written, and is called by its state', () => {
  expect(revertWarning('running', false, true, false)).toBe(revert.running);
  expect(revertWarning('paused', false, true, false)).toBe(revert.paused);
});

test('nothing is lost of a guest whose memory is kept, or that is off', () => {
  expect(revertWarning('running', true, true, false)).toBeNull();
  expect(revertWarning('suspended', false, true, false)).toBeNull();
  expect(revertWarning('off', false, false, false)).toBeNull();
});

test('nothing is lost of a guest whose memory is saved before it ends; without keeping, it is', () => {
  expect(revertWarning('running', false, true, true)).toBeNull();
  expect(revertWarning('paused', false, true, true)).toBeNull();
  expect(revertWarning('running', false, false, true)).toBe(revert.running);
});

test('without keeping, the memory of a guest goes, saved or not', () => {
  expect(revertWarning('running', true, false, false)).toBe(revert.replaced);
  expect(revertWarning('suspended', false, false, false)).toBe(revert.suspended);
});
