import { Autocomplete, NumberInput, Select } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { hostQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { SizeInput } from '../../ui/size-input.tsx';
import type { Definition } from '../vm-form/definition.ts';
import { options } from '../vm-form/options.ts';
import { DraftPanel } from './draft-panel.tsx';
import classes from './hardware-tab.module.css';
import type { Draft } from './use-draft.ts';

export function ProcessorPanel({ draft }: { draft: Draft }) {
  const text = words.hardware;
  const { vm, value } = draft;
  const targets = useQuery(hostQuery()).data?.qemu.targets ?? [];
  const machines = targets.find((target) => target.arch === vm.arch)?.machines ?? [];
  return (
    <DraftPanel
      draft={draft}
      title={text.sections.processor}
      fields={['cpus', 'memory', 'accelerator', 'machine', 'firmware']}
    >
      <div className={classes.fields}>
        <NumberInput
          label={text.cpus}
          min={1}
          max={255}
          allowDecimal={false}
          value={value.cpus}
          error={draft.fieldError('cpus')}
          onChange={(cpus) => typeof cpus === 'number' && draft.set('cpus', cpus)}
        />
        <SizeInput
          label={text.memory}
          value={value.memory}
          error={draft.fieldError('memory')}
          onChange={(memory) => draft.set('memory', memory)}
        />
        <Select
          label={text.accelerator}
          data={options(text.accelerators)}
          value={value.accelerator}
          description={text.acceleratorNow(
            vm.effectiveAccelerator.kind.toUpperCase(),
            vm.effectiveAccelerator.reason,
          )}
          error={draft.fieldError('accelerator')}
          onChange={(next) => draft.set('accelerator', next as Definition['accelerator'])}
        />
        <Autocomplete
          label={text.machine}
          data={[...new Set(machines.map((machine) => machine.name))]}
          limit={40}
          description={text.machineHint}
          value={value.machine}
          error={draft.fieldError('machine')}
          onChange={(machine) => draft.set('machine', machine)}
        />
        <Select
          label={text.firmware}
          data={options(text.firmwares)}
          value={value.firmware}
          error={draft.fieldError('firmware')}
          onChange={(firmware) => draft.set('firmware', firmware as Definition['firmware'])}
        />
      </div>
    </DraftPanel>
  );
}
