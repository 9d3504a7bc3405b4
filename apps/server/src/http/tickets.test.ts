import { describe, expect, it } from 'vitest';
import { createStartCodes } from './sessions.ts';
import { createTickets, selectProtocol, ticketOf } from './tickets.ts';

describe('a ticket', () => {
  const clock = { now: 0 };
  const tickets = createTickets(() => clock.now);
  const grant = { purpose: 'console', vmId: 'vm01' } as const;

  it('opens once', () => {
    const ticket = tickets.issue(grant);
    expect(tickets.redeem(ticket, grant)).toBe(true);
    expect(tickets.redeem(ticket, grant)).toBe(false);
  });
  it('lives 30 seconds', () => {
    const early = tickets.issue(grant);
    const late = tickets.issue(grant);
    clock.now += 29_999;
    expect(tickets.redeem(early, grant)).toBe(true);
    clock.now += 1;
    expect(tickets.redeem(late, grant)).toBe(false);
  });
  it('gives way when 256 newer ones are open', () => {
    const oldest = tickets.issue(grant);
    const second = tickets.issue(grant);
    for (let count = 0; count < 255; count += 1) tickets.issue(grant);
    expect(tickets.redeem(oldest, grant)).toBe(false);
    expect(tickets.redeem(second, grant)).toBe(true);
  });
  it('is found among the offered protocols, unless there are two', () => {
    expect(ticketOf('strata.v1, t.abc')).toBe('abc');
    expect(ticketOf('t.abc,t.def')).toBeNull();
    expect(ticketOf('strata.v1')).toBeNull();
    expect(ticketOf(undefined)).toBeNull();
    expect(selectProtocol(new Set(['strata.v1', 't.abc']))).toBe('strata.v1');
    expect(selectProtocol(new Set(['t.abc']))).toBe(false);
  });
});

it('a start code lives 60 seconds', () => {
  const clock = { now: 0 };
  const codes = createStartCodes(() => clock.now);
  const early = codes.issue();
  const late = codes.issue();
  clock.now += 59_999;
  expect(codes.redeem(early)).toBe(true);
  clock.now += 1;
  expect(codes.redeem(late)).toBe(false);
});
