import { NumberInput, TextInput } from '@mantine/core';
import { words } from '../../lib/words.ts';
import { SizeInput } from '../../ui/size-input.tsx';
import { type Choices, choicesOf, needsNewDisk } from './new-vm-form.ts';
import classes from './new-vm-page.module.css';
import type { FormPartProps } from './source-fields.tsx';

export function SizeFields({ form, change, fieldError, suggested }: FormPartProps & { suggested: string }) {
  const text = words.newVm;
  const choices = choicesOf(form);
  const set = (part: Partial<Choices>) => change({ changed: { ...form.changed, ...part } });
  return (
    <div className={classes.fields}>
      <TextInput
        label={text.name}
        placeholder={suggested}
        value={form.name}
        error={fieldError('name')}
        onChange={(event) => change({ name: event.currentTarget.value })}
      />
      <SizeInput
        label={text.memory}
        value={choices.memory}
        error={fieldError('memory')}
        onChange={(memory) => set({ memory })}
      />
      <NumberInput
        label={text.cpus}
        min={1}
        max={255}
        allowDecimal={false}
        value={choices.cpus}
        error={fieldError('cpus')}
        onChange={(cpus) => typeof cpus === 'number' && set({ cpus })}
      />
      {needsNewDisk(form.source) ? (
        <SizeInput
          label={text.disk}
          description={text.diskHint}
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          value={choices.diskSize}
          error={fieldError('disks.0')}
          onChange={(diskSize) => set({ diskSize })}
        />
      ) : null}
    </div>
  );
}
