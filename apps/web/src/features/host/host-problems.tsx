import { Alert } from '@mantine/core';
import type { Problem } from '@strata/contract';
import { IconAlertTriangle } from '@tabler/icons-react';
import { words } from '../../lib/words.ts';

export function HostProblems({ problems }: { problems: Problem[] }) {
  if (problems.length === 0) return null;
  return (
    <section aria-label={words.host.problems}>
      {problems.map((problem) => (
        <Alert
          key={problem.code + problem.message}
          mb="xs"
          variant="light"
          icon={<IconAlertTriangle size={18} aria-hidden />}
          title={problem.message}
        >
          {problem.repair}
        </Alert>
      ))}
    </section>
  );
}
