import { Button, Group, Radio, Stack } from '@mantine/core';
import { endpoints, type Vm } from '@strata/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useRouterState } from '@tanstack/react-router';
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { keys, vmDeletionQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { notifyDone } from '../../ui/notify.tsx';
import { DeletedFiles } from './deleted-files.tsx';
import { forgetVm } from './use-vm-action.ts';

interface DeleteVmDialogProps {
  vm: Vm;
  opened: boolean;
  onClose: () => void;
}

/** Says what goes and what stays, before anything does. */
export function DeleteVmDialog({ vm, opened, onClose }: DeleteVmDialogProps) {
  const text = words.vms.delete;
  const [disks, setDisks] = useState<'keep' | 'delete'>('keep');
  const client = useQueryClient();
  const navigate = useNavigate();
  const onItsPage = useRouterState({ select: (state) => state.location.pathname.includes(`/vms/${vm.id}`) });
  const plan = useQuery({
    ...vmDeletionQuery(vm.id, disks),
    enabled: opened,
    placeholderData: (before) => before,
  });
  const goes = plan.data?.goes.length ?? 0;
  const blockers = plan.data?.blockers ?? [];
  const remove = useMutation({
    mutationFn: () => call(endpoints.deleteVm, { params: { id: vm.id }, query: { disks } }),
    onSuccess: async () => {
      onClose();
      forgetVm(client, vm.id);
      if (disks === 'delete' && goes > 0)
        notifyDone(text.inTrash(vm.name, goes), {
          label: text.openTrash,
          onClick: () => void navigate({ to: '/library', search: { trash: true } }),
        });
      if (onItsPage) await navigate({ to: '/vms' });
      await client.invalidateQueries({ queryKey: keys.trash });
    },
  });
  if (!opened) return null;
  return (
    <Dialog onClose={onClose} title={text.title(vm.name)}>
      <Stack gap="sm">
        <p>{text.text}</p>
        {vm.disks.length === 0 ? (
          <p>{text.noDisks}</p>
        ) : (
          <Radio.Group
            value={disks}
            onChange={(value) => setDisks(value as typeof disks)}
            aria-label={text.keep}
          >
            <Stack gap="xs">
              <Radio value="keep" label={text.keep} description={text.keepText} />
              <Radio value="delete" label={text.remove} description={text.removeText} />
            </Stack>
          </Radio.Group>
        )}
        {plan.data ? <DeletedFiles plan={plan.data} /> : null}
        {blockers.map(({ code, message }) => (
          <p key={code} role="status">
            {message}
          </p>
        ))}
        <ErrorNotice error={plan.error ?? remove.error} />
        <Group justify="flex-end" mt="xs">
          <Button variant="default" onClick={onClose} data-autofocus>
            {words.common.cancel}
          </Button>
          <Button
            color="red"
            loading={remove.isPending}
            disabled={blockers.length > 0}
            onClick={() => remove.mutate()}
          >
            {text.confirm}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
