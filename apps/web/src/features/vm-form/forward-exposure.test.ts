import { expect, it } from 'vitest';
import { needsExposed, withoutNeedlessWord } from './forward-exposure.ts';

const forward = (hostAddress: string, hostPort: number) => ({
  protocol: 'tcp' as const,
  hostAddress,
  hostPort,
  guestPort: 22,
});

it('asks for a word for addresses that others reach and for ports below 1024', () => {
  expect(needsExposed(forward('127.0.0.1', 2222))).toBe(false);
  expect(needsExposed(forward('::1', 2222))).toBe(false);
  expect(needsExposed(forward('0.0.0.0', 2222))).toBe(true);
  expect(needsExposed(forward('127.0.0.1', 1023))).toBe(true);
});

it('drops the word when it is not needed any more', () => {
  expect(withoutNeedlessWord({ ...forward('127.0.0.1', 2222), exposed: true })).not.toHaveProperty('exposed');
  expect(withoutNeedlessWord({ ...forward('0.0.0.0', 2222), exposed: true }).exposed).toBe(true);
});
