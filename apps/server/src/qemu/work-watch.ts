import type { BlockJobControls } from './block-jobs.types.ts';
import type { WorkWatch } from './image-work.ts';
import { brakeRefusal, workBrake } from './work-brake.ts';

/** What an operation offers to whoever works for it. */
interface Worked {
  readonly cancelled: AbortSignal;
  controls(controls: BlockJobControls | { readonly cannot: string }): void;
}

/** Connects the operation's buttons and its bar to tools that work one after the other, until its controls are taken back. */
export const workWatch = (
  operation: Worked,
  onProgress: (fraction: number) => void = () => {},
): WorkWatch => {
  const watch = { signal: operation.cancelled, onProgress };
  const cannot = brakeRefusal();
  if (cannot !== null) {
    operation.controls({ cannot });
    return watch;
  }
  const brake = workBrake();
  operation.controls(brake);
  return { ...watch, brake };
};
