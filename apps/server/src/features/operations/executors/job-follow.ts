import { bytesBefore, type ChainPlan, type LayerId } from '@strata/backing-chain';
import type { JobFollow } from '../../../qemu/block-jobs.types.ts';
import type { OperationContext } from '../operations.types.ts';

/** Where the data of a job lies that walks the disk; one that mirrors counts by itself what it copies. */
interface Walk {
  readonly plan: ChainPlan;
  readonly into: LayerId;
}

/**
 * A walking job tells its place on the disk, and is over holes in no time. What the bar, the rate and the time left are
 * of are the bytes of the plan that lie before that place.
 */
const progressOf = (context: OperationContext<unknown, unknown>, walk?: Walk): JobFollow['progress'] => {
  const course = walk?.plan.course;
  if (walk === undefined || course === undefined) return (done, total) => context.progress(done, total);
  const { plan, into } = walk;
  return (at) => context.progress(bytesBefore(course, at), plan.bytesToMove, { into, at });
};

/** Connects the operation's progress bar and buttons to the job that does the copying. */
export const followJob = (
  context: OperationContext<unknown, unknown>,
  hooks: { started?(): void; finalizing?(): void } = {},
  walk?: Walk,
): JobFollow => {
  const progress = progressOf(context, walk);
  return {
    started: (controls) => {
      hooks.started?.();
      context.controls(controls);
    },
    ...(progress === undefined ? {} : { progress }),
    paused: (reason) => context.pausedBecause(reason),
    cancelled: context.cancelled,
    finalizing: () => {
      context.controls(null);
      context.finishing();
      hooks.finalizing?.();
    },
  };
};

/** A job id must begin with a letter; an operation has one job at most. */
export const jobIdOf = (operationId: string): string => `op-${operationId}`;
