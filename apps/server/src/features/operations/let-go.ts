import { conflicts } from './operation-locks.ts';
import type { OperationLocks } from './operations.types.ts';

/** Far more than operations can end while a request reads its headers. */
const remembered = 256;

/** Which locks were let go of lately. */
export const createLetGo = () => {
  const last: { readonly at: number; readonly locks: OperationLocks }[] = [];
  let now = 0;
  return {
    now: (): number => now,
    note: (locks: OperationLocks): void => {
      now += 1;
      last.push({ at: now, locks });
      if (last.length > remembered) last.shift();
    },
    /** Whether anything that these locks would have kept out has been at work since. */
    since: (moment: number, locks: OperationLocks): boolean =>
      last.some(({ at, locks: gone }) => at > moment && conflicts(gone, locks)),
  };
};
export type LetGo = ReturnType<typeof createLetGo>;
