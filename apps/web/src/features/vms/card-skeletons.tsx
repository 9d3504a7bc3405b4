import { Skeleton } from '@mantine/core';
import { words } from '../../lib/words.ts';
import classes from './card-skeletons.module.css';

export function CardSkeletons() {
  return (
    <div className={classes.grid} role="status" aria-label={words.frame.loading}>
      <Skeleton height={300} radius="md" />
      <Skeleton height={300} radius="md" />
      <Skeleton height={300} radius="md" />
    </div>
  );
}
