import { Skeleton } from '@mantine/core';
import { words } from '../lib/words.ts';

/** Rows in the place of a table or list that is on its way. */
export function RowSkeletons({ count = 4, height = 40 }: { count?: number; height?: number }) {
  return (
    <div role="status" aria-label={words.frame.loading}>
      {Array.from({ length: count }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are all the same
        <Skeleton key={index} height={height} mb={8} radius="md" />
      ))}
    </div>
  );
}
