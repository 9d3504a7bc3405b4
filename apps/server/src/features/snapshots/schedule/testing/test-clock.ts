import type { Clock } from '../clock.ts';

/** Time goes on when the test says so; what it shows can be set without any time passing. */
export interface TestClock extends Clock {
  /** Lets time pass, with everything that waits for it. */
  pass(milliseconds: number): Promise<void>;
  /** As somebody who sets the clock of the host. */
  set(to: number): void;
  /** How many wait. */
  waiting(): number;
}

/** What was called back has begun work of its own: that gets its turn. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export const testClock = (start: number): TestClock => {
  let shown = start;
  let passed = 0;
  const timers = new Set<{ readonly at: number; readonly work: () => void }>();
  return {
    now: () => shown,
    after: (milliseconds, work) => {
      const timer = { at: passed + milliseconds, work };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    pass: async (milliseconds) => {
      await settle();
      const end = passed + milliseconds;
      for (;;) {
        const [next] = [...timers].filter(({ at }) => at <= end).sort((one, other) => one.at - other.at);
        const to = next?.at ?? end;
        shown += to - passed;
        passed = to;
        if (next === undefined) return;
        timers.delete(next);
        next.work();
        await settle();
      }
    },
    set: (to) => {
      shown = to;
    },
    waiting: () => timers.size,
  };
};
