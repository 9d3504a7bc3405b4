/** The time, and a way to wait for it. */
export interface Clock {
  /** Milliseconds since 1970; may jump in either direction. */
  now(): number;
  /** Calls back after so many milliseconds, whatever the clock shows then. Returns how to give that up. */
  after(milliseconds: number, work: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (milliseconds, work) => {
    const timer = setTimeout(work, milliseconds);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
