import { Button, Group, Radio, Stack, Text } from '@mantine/core';
import { endpoints, type Vm, type VmExport } from '@strata/contract';
import { IconPackageExport } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { call } from '../../api/call.ts';
import { words } from '../../lib/words.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { ReasonedMenuItem } from '../../ui/reasoned-menu-item.tsx';
import { Preparing } from './download-dialog.tsx';

/** Why a VM in this state has no disks that stand still; null when it has. */
export function exportVmRefusal({ state, disks }: Pick<Vm, 'state' | 'disks'>): string | null {
  const text = words.exports.vm;
  if (disks.length === 0) return text.bare;
  if (state === 'off' || state === 'crashed') return null;
  return state === 'suspended' ? text.suspended : text.running;
}

export const ExportVmItem = ({ vm, onSelect }: { vm: Vm; onSelect: () => void }) => (
  <ReasonedMenuItem
    leftSection={<IconPackageExport size={15} />}
    reason={exportVmRefusal(vm)}
    onSelect={onSelect}
  >
    {words.exports.vm.menu}
  </ReasonedMenuItem>
);

/** One archive of the whole VM, for other programs. */
export function ExportVmDialog({ vm, onClose }: { vm: Vm; onClose: () => void }) {
  const text = words.exports.vm;
  const [form, setForm] = useState<VmExport['form']>('ova');
  const start = useMutation({
    mutationFn: () => call(endpoints.exportVm, { params: { id: vm.id }, body: { form } }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    start.mutate();
  };
  return (
    <Dialog onClose={onClose} title={text.title(vm.name)} size="34rem">
      {start.data ? (
        <Preparing operationId={start.data.id} onClose={onClose} />
      ) : (
        <form onSubmit={submit}>
          <Stack gap="md">
            <Radio.Group
              label={text.as}
              value={form}
              onChange={(value) => setForm(value as VmExport['form'])}
            >
              <Stack gap="xs" mt={6}>
                {(['ova', 'libvirt', 'kubevirt'] as const).map((each) => (
                  <Radio key={each} value={each} label={text.forms[each]} description={text.formText[each]} />
                ))}
              </Stack>
            </Radio.Group>
            <Text size="sm" c="dimmed">
              {text.notes}
            </Text>
            <ErrorNotice error={start.error} />
            <Group justify="flex-end">
              <Button variant="default" onClick={onClose}>
                {words.common.cancel}
              </Button>
              <Button type="submit" loading={start.isPending}>
                {text.submit}
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Dialog>
  );
}
