import { Alert, Button, Checkbox, Group, Stack, Textarea, TextInput } from '@mantine/core';
import { endpoints, type Vm } from '@strata/contract';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { isApiError } from '../../api/api-error.ts';
import { call } from '../../api/call.ts';
import { hostQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { diskName } from '../layers/disk-name.ts';
import classes from './take-snapshot-dialog.module.css';

/** Long enough for a snapshot, which is quick; a longer one goes on in the operations bar. */
const waitSeconds = 5;

export function TakeSnapshotDialog({ vm, onClose }: { vm: Vm; onClose: () => void }) {
  const [name, setName] = useState('');
  const [description, setDescription] = useState('');
  const [disks, setDisks] = useState(vm.disks.map(({ id }) => id));
  const take = useMutation({
    mutationFn: () =>
      call(endpoints.takeSnapshot, {
        params: { id: vm.id },
        query: { wait: waitSeconds },
        body: {
          name,
          ...(description.trim() === '' ? {} : { description }),
          ...(disks.length === vm.disks.length ? {} : { disks }),
        },
      }),
    onSuccess: (operation) => {
      // That it is done stands in the operations bar.
      if (operation.state !== 'failed') onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() !== '' && disks.length > 0) take.mutate();
  };
  const failed = take.data?.state === 'failed' ? take.data.error : undefined;
  const { take: takeWords } = words.snapshots;
  return (
    <Dialog onClose={onClose} title={takeWords.title} size="34rem">
      <form onSubmit={submit}>
        <Stack gap="sm">
          <TextInput
            label={takeWords.name}
            placeholder={takeWords.namePlaceholder}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            error={isApiError(take.error) ? take.error.fieldError('name') : undefined}
            required
            maxLength={100}
            data-autofocus
          />
          <Textarea
            label={takeWords.description}
            placeholder={takeWords.descriptionPlaceholder}
            value={description}
            onChange={(event) => setDescription(event.currentTarget.value)}
            rows={2}
          />
          {vm.disks.length > 1 ? <DiskChoice vm={vm} value={disks} onChange={setDisks} /> : null}
          <LeftOut vm={vm} taken={disks} />
          <Forecast vm={vm} diskCount={disks.length} />
          <ErrorNotice error={take.error} />
          {failed ? <ErrorNotice error={new Error(failed.message)} /> : null}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {words.common.cancel}
            </Button>
            <Button
              type="submit"
              loading={take.isPending}
              disabled={name.trim() === '' || disks.length === 0}
            >
              {takeWords.submit}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}

interface DiskChoiceProps {
  vm: Vm;
  value: string[];
  onChange: (disks: string[]) => void;
}

function DiskChoice({ vm, value, onChange }: DiskChoiceProps) {
  return (
    <Checkbox.Group label={words.snapshots.take.which} value={value} onChange={onChange}>
      <Group mt={6}>
        {vm.disks.map((disk, index) => (
          <Checkbox key={disk.id} value={disk.id} label={diskName(vm.disks, index)} />
        ))}
      </Group>
    </Checkbox.Group>
  );
}

/** A restore point of some disks only is easily taken for one of the VM. */
function LeftOut({ vm, taken }: { vm: Vm; taken: readonly string[] }) {
  const names = vm.disks.flatMap(({ id }, index) => (taken.includes(id) ? [] : [diskName(vm.disks, index)]));
  if (names.length === 0) return null;
  const { take } = words.snapshots;
  return (
    <Alert color="amber" icon={<IconAlertTriangle size={18} aria-hidden />} role="status">
      {taken.length === 0 ? take.noDisk : take.leftOut(names)}
    </Alert>
  );
}

/** What it will cost and what it will be worth, before it is taken. */
function Forecast({ vm, diskCount }: { vm: Vm; diskCount: number }) {
  const host = useQuery(hostQuery());
  const { take } = words.snapshots;
  const free = host.data?.storage[0]?.free;
  const alive = vm.state === 'running' || vm.state === 'paused';
  return (
    <div className={classes.forecast}>
      <strong>{take.cost}</strong>
      <ul>
        <li>
          {take.overlays(diskCount)}
          {free === undefined ? '' : `; ${take.free(free)}`}
        </li>
        <li>{vm.state === 'paused' ? take.paused : alive ? take.live : take.offline}</li>
        {alive ? (
          <>
            <li>{take.crash}</li>
            <li>{take.disksOnly}</li>
          </>
        ) : null}
      </ul>
    </div>
  );
}
