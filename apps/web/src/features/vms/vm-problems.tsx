import { Alert } from '@mantine/core';
import type { Vm } from '@strata/contract';
import { IconAlertTriangle } from '@tabler/icons-react';
import { words } from '../../lib/words.ts';
import { When } from '../../ui/when.tsx';
import { isLive } from './vm-can.ts';
import classes from './vm-problems.module.css';

/** What is wrong with the VM, and how its last run failed. */
export function VmProblems({ vm }: { vm: Vm }) {
  const failure = isLive(vm.state) ? undefined : vm.lastFailure;
  if (!failure && vm.problems.length === 0) return null;
  const icon = <IconAlertTriangle size={18} aria-hidden />;
  return (
    <>
      {vm.problems.map((problem) => (
        <Alert key={problem.code + problem.message} variant="light" color="amber" icon={icon}>
          {problem.message} {problem.repair}
        </Alert>
      ))}
      {failure ? (
        <Alert variant="light" color="red" icon={icon} title={words.vms.lastFailure}>
          <p>
            {failure.message} · <When at={failure.at} />
          </p>
          {failure.stderr ? (
            <details>
              <summary>{words.errors.stderr}</summary>
              <pre className={classes.stderr}>{failure.stderr}</pre>
            </details>
          ) : null}
        </Alert>
      ) : null}
    </>
  );
}
