import { expect, it } from 'vitest';
import { newestFirst } from './newest-first.ts';

it('lists the events of a VM newest first, whichever way the server tells them', () => {
  const at = (second: number) => `2026-11-23T08:00:0${second}.000Z`;
  const events = [1, 3, 2].map((second) => ({ at: at(second), event: String(second), detail: '' }));
  expect(newestFirst(events).map(({ event }) => event)).toEqual(['3', '2', '1']);
  expect(newestFirst(events.toReversed()).map(({ event }) => event)).toEqual(['3', '2', '1']);
});
