import { Button, Group, Modal, Radio, Stack } from '@mantine/core';
import { endpoints, type Vm } from '@strata/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useRouterState } from '@tanstack/react-router';
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { keys } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { notifyDone } from '../../ui/notify.tsx';
import { DeletedFiles, useVmDeletion } from './deleted-files.tsx';
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
  const deletion = useVmDeletion(vm, opened);
  const goes = deletion?.goes.length ?? 0;
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
  return (
    <Modal opened={opened} onClose={onClose} title={text.title(vm.name)}>
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
        {disks === 'delete' && deletion ? <DeletedFiles deletion={deletion} /> : null}
        <ErrorNotice error={remove.error} />
        <Group justify="flex-end" mt="xs">
          <Button variant="default" onClick={onClose} data-autofocus>
            {words.common.cancel}
          </Button>
          <Button color="red" loading={remove.isPending} onClick={() => remove.mutate()}>
            {text.confirm}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
