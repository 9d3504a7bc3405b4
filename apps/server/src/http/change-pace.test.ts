import Fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { createChangePace, registerChangePace } from './change-pace.ts';

/** Time goes on only when it is told to; who sleeps notes for how long. */
const bench = () => {
  let time = 0;
  const waits: number[] = [];
  const pace = createChangePace({
    now: () => time,
    sleep: async (milliseconds) => void waits.push(milliseconds),
  });
  const refusals = async (changes: number): Promise<number> => {
    let refused = 0;
    for (let change = 0; change < changes; change += 1)
      await pace().catch((error: { code: string }) => {
        expect(error.code).toBe('rate-limited');
        refused += 1;
      });
    return refused;
  };
  return {
    waits,
    refusals,
    pass: (milliseconds: number): void => {
      time += milliseconds;
    },
  };
};

describe('the pace of changes', () => {
  it('lets a burst of 60 through at once', async () => {
    const { waits, refusals } = bench();
    expect(await refusals(60)).toBe(0);
    expect(waits).toEqual([]);
  });
  it('lets 20 a second through for ever without a wait', async () => {
    const { waits, refusals, pass } = bench();
    for (let second = 0; second < 60; second += 1) {
      expect(await refusals(20)).toBe(0);
      pass(1000);
    }
    expect(waits).toEqual([]);
  });
  it('makes what comes faster wait for its turn, 50 ms apart', async () => {
    const { waits, refusals } = bench();
    await refusals(63);
    expect(waits).toEqual([50, 100, 150]);
  });
  it('refuses what would wait for more than five seconds, and takes changes again after that', async () => {
    const { waits, refusals, pass } = bench();
    expect(await refusals(200)).toBe(200 - 60 - 100);
    pass(8_000);
    waits.length = 0;
    expect(await refusals(60)).toBe(0);
    expect(waits).toEqual([]);
  });
});

describe('what counts as a change', () => {
  const paths = async (...calls: [method: 'GET' | 'POST' | 'DELETE', url: string][]): Promise<number> => {
    const app = Fastify();
    let changes = 0;
    registerChangePace(app, async () => {
      changes += 1;
    });
    for (const url of ['/images', '/chains/plan', '/tickets', '/vms'])
      app.route({ method: ['GET', 'POST', 'DELETE'], url, handler: () => ({}) });
    app.post('/session', { config: { anonymous: true } }, () => ({}));
    for (const [method, url] of calls) await app.inject({ method, url });
    await app.close();
    return changes;
  };
  it('is a call that changes something', async () => {
    expect(await paths(['POST', '/images'], ['DELETE', '/vms'])).toBe(2);
  });
  it('is neither looking, nor a plan, nor signing in, nor an address that does not exist', async () => {
    expect(
      await paths(
        ['GET', '/images'],
        ['POST', '/chains/plan'],
        ['DELETE', '/vms?plan=1'],
        ['POST', '/tickets'],
        ['POST', '/session'],
        ['POST', '/nowhere'],
      ),
    ).toBe(0);
  });
});
