import { Alert, Checkbox, Group } from '@mantine/core';
import type { Vm } from '@strata/contract';
import { IconAlertTriangle } from '@tabler/icons-react';
import { words } from '../../lib/words.ts';
import { diskName } from '../layers/disk-name.ts';

interface DiskChoiceProps {
  vm: Vm;
  value: readonly string[];
  /** Why none can be left out; null: any can. */
  reason: string | null;
  onChange: (disks: string[]) => void;
}

/** Of which disks; nothing to choose where there is one. */
export function DiskChoice({ vm, value, reason, onChange }: DiskChoiceProps) {
  if (vm.disks.length < 2) return null;
  const shown = reason === null ? value : vm.disks.map(({ id }) => id);
  return (
    <>
      <Checkbox.Group
        label={words.snapshots.take.which}
        description={reason}
        value={[...shown]}
        onChange={onChange}
      >
        <Group mt={6}>
          {vm.disks.map((disk, index) => (
            <Checkbox
              key={disk.id}
              value={disk.id}
              label={diskName(vm.disks, index)}
              disabled={reason !== null}
            />
          ))}
        </Group>
      </Checkbox.Group>
      <LeftOut vm={vm} taken={shown} />
    </>
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
