import { expect, it } from 'vitest';
import { secondsLeft } from './shutdown-notice.tsx';

it('counts down to the time-out of a graceful shutdown, within its limits', () => {
  const shutdown = { requestedAt: '2026-11-23T08:00:00.000Z', timeoutSeconds: 60 };
  const at = (second: number) => Date.parse(shutdown.requestedAt) + second * 1000;
  expect(secondsLeft(shutdown, at(18))).toBe(42);
  expect(secondsLeft(shutdown, at(75))).toBe(0);
  expect(secondsLeft(shutdown, at(-0.7))).toBe(60);
});
