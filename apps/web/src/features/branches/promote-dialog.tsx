import { Checkbox, Select, Stack, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { type ChainRequest, type Image, keptName, type Vm } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { vmsQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { diskName } from '../layers/disk-name.ts';
import { chainPlan } from '../plan/chain-plan.ts';
import { PlanDialog } from '../plan/plan-dialog.tsx';

interface PromoteDialogProps {
  /** The layer that a disk is to continue from. */
  image: Image;
  /** Where one came from: what is chosen at first. */
  vm?: Vm | undefined;
  diskId?: string | undefined;
  onClose: () => void;
}

/** A VM continues on another branch: which disk, and what becomes of what it leaves. */
export function PromoteDialog(props: PromoteDialogProps) {
  const vms = useQuery(vmsQuery()).data?.items;
  return vms === undefined ? null : <PromoteForm {...props} vms={vms} />;
}

interface Choice {
  readonly value: string;
  readonly label: string;
  readonly vm: Vm;
  readonly diskId: string;
}

const choicesOf = (vms: readonly Vm[]): Choice[] =>
  vms.flatMap((vm) =>
    vm.disks.map((disk, index) => ({
      value: `${vm.id} ${disk.id}`,
      label: words.copies.promote.disk(vm.name, diskName(vm.disks, index)),
      vm,
      diskId: disk.id,
    })),
  );

function PromoteForm({ image, vm, diskId, vms, onClose }: PromoteDialogProps & { vms: readonly Vm[] }) {
  const { promote } = words.copies;
  const choices = choicesOf(vms);
  const [value, setValue] = useState(
    () =>
      choices.find((choice) => choice.vm.id === vm?.id && (diskId ?? choice.diskId) === choice.diskId)
        ?.value ??
      choices[0]?.value ??
      '',
  );
  const [keep, setKeep] = useState(false);
  const [name, setName] = useState(keptName('continuing on', image.name));
  const [overlay, setOverlay] = useState(false);
  const [powerOff, setPowerOff] = useState(false);
  const [settledName] = useDebouncedValue(name.trim(), 400);
  const chosen = choices.find((choice) => choice.value === value);
  if (chosen === undefined)
    return (
      <Dialog title={promote.title(image.name)} onClose={onClose}>
        <p>{promote.noVm}</p>
      </Dialog>
    );
  const runs = chosen.vm.state === 'running' || chosen.vm.state === 'paused';
  const request = (keepName: string): ChainRequest => ({
    operation: 'promote',
    vmId: chosen.vm.id,
    disks: [{ diskId: chosen.diskId, imageId: image.id }],
    overlay,
    keepCurrent: keep,
    powerOff: powerOff && runs,
    ...(keep && keepName !== '' ? { name: keepName } : {}),
  });
  return (
    <PlanDialog
      title={promote.title(image.name)}
      {...chainPlan(request(settledName), () => request(name.trim()))}
      onClose={onClose}
    >
      <Stack gap="sm">
        <Select
          label={promote.which}
          value={value}
          searchable
          allowDeselect={false}
          onChange={(next) => setValue(next ?? value)}
          data={choices.map((choice) => ({ value: choice.value, label: choice.label }))}
        />
        <Checkbox
          label={promote.keep}
          description={promote.keepText}
          checked={keep}
          onChange={(event) => setKeep(event.currentTarget.checked)}
        />
        {keep ? (
          <TextInput
            label={words.snapshots.revert.keepName}
            value={name}
            maxLength={100}
            onChange={(event) => setName(event.currentTarget.value)}
          />
        ) : null}
        <Checkbox
          label={promote.overlay}
          description={promote.overlayText}
          checked={overlay}
          onChange={(event) => setOverlay(event.currentTarget.checked)}
        />
        {runs ? (
          <Checkbox
            label={promote.powerOff(chosen.vm.name)}
            description={promote.powerOffText}
            checked={powerOff}
            onChange={(event) => setPowerOff(event.currentTarget.checked)}
          />
        ) : null}
      </Stack>
    </PlanDialog>
  );
}
