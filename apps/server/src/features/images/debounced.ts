export interface Debounced {
  call(): void;
  stop(): void;
}

interface Pace {
  /** So long after the last call … */
  readonly quiet: number;
  /** … and not later than this after the first … */
  readonly longest: number;
  /** … unless something else must not be disturbed: then when that is over, or as long again after that. */
  readonly isHeld?: () => boolean;
}

/** Cheap to call thousands of times a second: a call only notes the time. */
export const debounced = ({ quiet, longest, isHeld = () => false }: Pace, work: () => void): Debounced => {
  let timer: NodeJS.Timeout | null = null;
  let first = 0;
  let last = 0;
  const arm = (milliseconds: number): void => {
    timer = setTimeout(fire, milliseconds).unref();
  };
  const fire = (): void => {
    const now = performance.now();
    const due = Math.min(last + quiet, first + longest);
    if (now < due) arm(due - now);
    else if (isHeld() && now < first + 2 * longest) arm(quiet);
    else {
      timer = null;
      work();
    }
  };
  return {
    call: () => {
      last = performance.now();
      if (timer !== null) return;
      first = last;
      arm(quiet);
    },
    stop: () => {
      if (timer !== null) clearTimeout(timer);
      timer = null;
    },
  };
};
