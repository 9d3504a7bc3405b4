import type { JobFollow } from '../../../qemu/block-jobs.types.ts';
import type { OperationContext } from '../operations.types.ts';

/** Connects the operation's progress bar and buttons to the job that does the copying. */
export const followJob = (
  context: OperationContext<unknown, unknown>,
  hooks: { started?(): void; finalizing?(): void } = {},
): JobFollow => ({
  started: (controls) => {
    hooks.started?.();
    context.controls(controls);
  },
  progress: (done, total) => context.progress(done, total),
  paused: (reason) => context.pausedBecause(reason),
  cancelled: context.cancelled,
  finalizing: () => {
    context.controls(null);
    context.finishing();
    hooks.finalizing?.();
  },
});

/** A job id must begin with a letter; an operation has one job at most. */
export const jobIdOf = (operationId: string): string => `op-${operationId}`;
