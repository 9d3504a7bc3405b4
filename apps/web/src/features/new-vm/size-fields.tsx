import { NumberInput, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { foldersQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { SizeInput } from '../../ui/size-input.tsx';
import { type Choices, choicesOf, isTaken, needsNewDisk } from './new-vm-form.ts';
import classes from './new-vm-page.module.css';
import type { FormPartProps } from './source-fields.tsx';

interface SizeFieldsProps extends FormPartProps {
  suggested: string;
  /** Names of other VMs. */
  taken: readonly string[];
}

export function SizeFields({ form, change, fieldError, suggested, taken }: SizeFieldsProps) {
  const text = words.newVm;
  const choices = choicesOf(form);
  const folder = useQuery(foldersQuery()).data?.items.find((each) => each.default)?.path;
  const set = (part: Partial<Choices>) => change({ changed: { ...form.changed, ...part } });
  return (
    <div className={classes.fields}>
      <TextInput
        label={text.name}
        placeholder={suggested}
        value={form.name}
        error={isTaken(form.name, taken) ? text.nameTaken(form.name.trim()) : fieldError('name')}
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
          description={folder === undefined ? text.diskHint : `${text.diskHint} ${text.diskPlace(folder)}`}
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          value={choices.diskSize}
          error={fieldError('disks.0')}
          onChange={(diskSize) => set({ diskSize })}
        />
      ) : null}
    </div>
  );
}
