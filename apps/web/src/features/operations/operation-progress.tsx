import { Progress } from '@mantine/core';
import type { Operation } from '@strata/contract';
import { percentOf, progressLine } from './operation-state.ts';

/** The bar of an operation, named for readers. */
export function OperationProgress({ operation, className }: { operation: Operation; className?: string }) {
  return (
    <Progress.Root size={6} className={className} radius="sm">
      <Progress.Section
        value={percentOf(operation)}
        color={operation.state === 'failed' ? 'red' : 'amber'}
        aria-label={operation.title}
        aria-valuetext={progressLine(operation)}
      />
    </Progress.Root>
  );
}
