/** Long enough that a job that stalls for a moment does not jump, short enough that it is of now. */
const windowMs = 5000;

interface Sample {
  readonly at: number;
  readonly done: number;
}

/** Bytes a second over the last few seconds, and how long the rest would take at that rate. */
export const progressRate = (now: () => number = () => performance.now()) => {
  let samples: Sample[] = [];

  return {
    add(done: number): void {
      const at = now();
      const last = samples.at(-1);
      // A job that was started again counts from the beginning.
      if (last !== undefined && done < last.done) samples = [];
      // The youngest sample older than the window stays: the rate is over the whole window.
      while (samples.length > 1 && (samples[1]?.at ?? at) <= at - windowMs) samples.shift();
      samples.push({ at, done });
    },
    /** After a pause: the time that stood still does not count. */
    restart(): void {
      samples = [];
    },
    read(total: number): { bytesPerSecond: number | null; etaSeconds: number | null } {
      const first = samples[0];
      const last = samples.at(-1);
      if (first === undefined || last === undefined || last.at - first.at < 250)
        return { bytesPerSecond: null, etaSeconds: null };
      const perSecond = ((last.done - first.done) * 1000) / (last.at - first.at);
      const left = Math.max(0, total - last.done);
      return {
        bytesPerSecond: Math.round(perSecond),
        etaSeconds: left === 0 ? 0 : perSecond <= 0 ? null : Math.ceil(left / perSecond),
      };
    },
  };
};
export type ProgressRate = ReturnType<typeof progressRate>;
