import { NumberInput, Select, Switch, Textarea, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { hostQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { nicModels } from '../vm-form/nic-fields.tsx';
import { options } from '../vm-form/options.ts';
import { type Choices, choicesOf } from './new-vm-form.ts';
import classes from './new-vm-page.module.css';
import type { FormPartProps } from './source-fields.tsx';

type SelectField = 'arch' | 'firmware' | 'accelerator' | 'bus' | 'nicMode' | 'nicModel' | 'display' | 'audio';

/** Where the contract reports a mistake in the field. */
const paths: Record<SelectField, string> = {
  arch: 'arch',
  firmware: 'firmware',
  accelerator: 'accelerator',
  bus: 'disks.0.bus',
  nicMode: 'nics.0.mode',
  nicModel: 'nics.0.model',
  display: 'display',
  audio: 'audio',
};

/** Folded; every field shows what the system's preset has chosen. */
export function AdvancedFields({ form, change, fieldError }: FormPartProps) {
  const { hardware: text, newVm } = words;
  const choices = choicesOf(form);
  const host = useQuery(hostQuery()).data;
  const set = (part: Partial<Choices>) => change({ changed: { ...form.changed, ...part } });
  const select = (field: SelectField, label: string, data: { value: string; label: string }[]) => (
    <Select
      label={label}
      data={data}
      value={choices[field]}
      error={fieldError(paths[field])}
      onChange={(value) => set({ [field]: value })}
    />
  );
  const named = (values: readonly string[]) => values.map((value) => ({ value, label: value }));
  const archs = ['x86_64', 'i386', 'aarch64', 'riscv64'];
  const present = archs.filter((arch) => host?.qemu.targets.some((target) => target.arch === arch));
  return (
    <details className={classes.advanced}>
      <summary>{newVm.advanced}</summary>
      <div className={classes.advancedBody}>
        <p className={classes.hint}>{newVm.advancedText}</p>
        <div className={classes.fields}>
          {select('arch', newVm.arch, named(present.length > 0 ? present : archs))}
          <TextInput
            label={text.machine}
            placeholder="q35"
            value={choices.machine}
            error={fieldError('machine')}
            onChange={(event) => set({ machine: event.currentTarget.value.trim() })}
          />
          {select('firmware', text.firmware, options(text.firmwares))}
          {select('accelerator', text.accelerator, options(text.accelerators))}
          {select('bus', newVm.diskBus, options(text.buses))}
          {select('nicMode', newVm.nicMode, options(text.nic.modes))}
          {select('nicModel', newVm.nicModel, named(nicModels))}
          {select('display', text.displayLabel, options(text.displays))}
          {select('audio', text.audio, options(text.audios))}
          <NumberInput
            label={text.serial}
            min={0}
            max={4}
            allowDecimal={false}
            value={choices.serial}
            error={fieldError('serial')}
            onChange={(serial) => typeof serial === 'number' && set({ serial })}
          />
        </div>
        <Textarea
          label={text.extraArgs}
          description={text.extraArgsHint}
          autosize
          value={choices.extraArgs}
          error={fieldError('extraArgs')}
          onChange={(event) => set({ extraArgs: event.currentTarget.value })}
        />
        <Textarea
          label={text.notes}
          autosize
          value={choices.notes}
          error={fieldError('notes')}
          onChange={(event) => set({ notes: event.currentTarget.value })}
        />
        <Switch
          label={text.autostart}
          checked={choices.autostart}
          onChange={(event) => set({ autostart: event.currentTarget.checked })}
        />
      </div>
    </details>
  );
}
