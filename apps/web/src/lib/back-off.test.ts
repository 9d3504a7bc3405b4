import { expect, it } from 'vitest';
import { backOff } from './back-off.ts';

it('waits longer with each attempt, up to a ceiling, and not all pages at the same moment', () => {
  const middle = () => 0.5;
  expect([0, 1, 2, 3].map((attempt) => backOff(attempt, middle))).toEqual([300, 600, 1200, 2400]);
  expect(backOff(50, middle)).toBe(5000);
  expect(backOff(0, () => 0)).toBeLessThan(backOff(0, () => 0.99));
});
