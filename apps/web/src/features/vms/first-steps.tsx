import { UnstyledButton } from '@mantine/core';
import { endpoints } from '@strata/contract';
import { IconFileImport, IconPlayerPlay, IconPlus, IconStack2 } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { call } from '../../api/call.ts';
import { words } from '../../lib/words.ts';
import { EmptyState } from '../../ui/empty-state.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import classes from './first-steps.module.css';
import { rememberVm } from './use-vm-action.ts';

/** Before there is a VM: the three ways in. */
export function FirstSteps() {
  const { empty } = words.vms;
  const demo = useCreateDemo();
  return (
    <EmptyState icon={<IconStack2 size={46} stroke={1.3} />} title={empty.title}>
      <p>{empty.text}</p>
      <div className={classes.ways}>
        <UnstyledButton className={classes.way} onClick={() => demo.mutate()} disabled={demo.isPending}>
          <IconPlayerPlay size={22} aria-hidden />
          <strong>{empty.demo}</strong>
          <span>{empty.ways.demo}</span>
        </UnstyledButton>
        <Link className={classes.way} to="/vms/new">
          <IconPlus size={22} aria-hidden />
          <strong>{empty.newVm}</strong>
          <span>{empty.ways.newVm}</span>
        </Link>
        <Link className={classes.way} to="/library">
          <IconFileImport size={22} aria-hidden />
          <strong>{empty.register}</strong>
          <span>{empty.ways.register}</span>
        </Link>
      </div>
      <p className={classes.note}>{empty.demoNote}</p>
      <ErrorNotice error={demo.error} />
    </EmptyState>
  );
}

/** Makes the demo VM and goes to it. */
export function useCreateDemo() {
  const client = useQueryClient();
  const navigate = useNavigate();
  return useMutation({
    mutationFn: () => call(endpoints.createDemoVm, { body: {} }),
    onSuccess: async (vm) => {
      rememberVm(client, vm);
      await navigate({ to: '/vms/$vmId/console', params: { vmId: vm.id } });
    },
  });
}
