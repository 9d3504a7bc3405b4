import { Alert } from '@mantine/core';
import type { Blocker } from '@strata/contract';
import { IconBan } from '@tabler/icons-react';
import { words } from '../../lib/words.ts';
import { BlockerRemedies } from './blocker-remedies.tsx';
import classes from './plan.module.css';
import { useBlockersLifted } from './use-blockers-lifted.ts';

interface PlanBlockersProps {
  blockers: readonly Blocker[];
  /** A button leads away from the dialog. */
  onLeave: () => void;
  onLifted: () => void;
}

/** What is in the way, with what lifts it; looked at again when that has changed. */
export function PlanBlockers({ blockers, onLeave, onLifted }: PlanBlockersProps) {
  useBlockersLifted(blockers, onLifted);
  if (blockers.length === 0) return null;
  return (
    <Alert color="red" icon={<IconBan size={18} aria-hidden />} title={words.plan.blocked} role="alert">
      <ul className={classes.list}>
        {blockers.map((blocker) => (
          <li key={`${blocker.code} ${blocker.message}`}>{blocker.message}</li>
        ))}
      </ul>
      <BlockerRemedies blockers={blockers} onLeave={onLeave} />
    </Alert>
  );
}
