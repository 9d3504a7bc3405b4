import { endpoints } from '@strata/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { call } from '../../api/call.ts';
import { words } from '../../lib/words.ts';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { notifyError } from '../../ui/notify.tsx';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import { rememberVm } from '../vms/use-vm-action.ts';
import { createBodyOf, missingIn, type NewVmForm } from './new-vm-form.ts';
import classes from './new-vm-page.module.css';

interface CreateButtonsProps {
  form: NewVmForm;
  name: string;
  taken: readonly string[];
}

export function CreateButtons({ form, name, taken }: CreateButtonsProps) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const create = useMutation({
    mutationFn: (_start: boolean) => call(endpoints.createVm, { body: createBodyOf(form, name) }),
    onSuccess: async (vm, start) => {
      rememberVm(client, vm);
      // The VM exists from here on, whatever becomes of its first start: its page shows both.
      if (start)
        void call(endpoints.startVm, { params: { id: vm.id }, body: {} }).then(
          (started) => rememberVm(client, started),
          notifyError,
        );
      await navigate({ to: '/vms/$vmId/console', params: { vmId: vm.id } });
    },
  });
  const reason = missingIn(form, taken);
  return (
    <div className={classes.buttons}>
      <ErrorNotice error={create.error} />
      <ReasonedButton
        reason={reason}
        loading={create.isPending && create.variables}
        onClick={() => create.mutate(true)}
      >
        {words.newVm.createAndStart}
      </ReasonedButton>
      <ReasonedButton
        variant="default"
        reason={reason}
        loading={create.isPending && !create.variables}
        onClick={() => create.mutate(false)}
      >
        {words.newVm.create}
      </ReasonedButton>
    </div>
  );
}
