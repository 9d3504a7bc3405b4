import { Button, Fieldset, Select, TextInput } from '@mantine/core';
import { type NicInput, nicInput } from '@strata/contract';
import { IconTrash } from '@tabler/icons-react';
import { words } from '../../lib/words.ts';
import { ForwardFields } from './forward-fields.tsx';
import classes from './nic-fields.module.css';

export const nicModels = nicInput.shape.model.unwrap().options;
export const nicModes = Object.entries(words.hardware.nic.modes).map(([value, label]) => ({ value, label }));
const namedNetworks = new Set<NicInput['mode']>(['isolated', 'bridge', 'tap']);

interface NicFieldsProps {
  index: number;
  value: NicInput;
  onChange: (nic: NicInput) => void;
  onRemove: () => void;
  error?: ((path: string) => string | undefined) | undefined;
}

export function NicFields({ index, value, onChange, onRemove, error }: NicFieldsProps) {
  const text = words.hardware.nic;
  const at = (field: string) => error?.(`nics.${index}.${field}`);
  return (
    <Fieldset legend={text.title(index)} className={classes.card ?? ''}>
      <div className={classes.fields}>
        <Select
          label={text.mode}
          data={nicModes}
          value={value.mode}
          error={at('mode')}
          onChange={(mode) => onChange({ ...value, mode: mode as NicInput['mode'] })}
        />
        <Select
          label={text.model}
          data={[...nicModels]}
          value={value.model}
          error={at('model')}
          onChange={(model) => onChange({ ...value, model: model as NicInput['model'] })}
        />
        <TextInput
          label={text.mac}
          placeholder={text.macHint}
          value={value.mac ?? ''}
          error={at('mac')}
          onChange={(event) => {
            const { mac: _, ...rest } = value;
            const next = event.currentTarget.value.trim();
            onChange(next ? { ...rest, mac: next } : rest);
          }}
        />
        {namedNetworks.has(value.mode) ? (
          <TextInput
            label={text.network}
            value={value.network ?? ''}
            error={at('network')}
            onChange={(event) => {
              const { network: _, ...rest } = value;
              const next = event.currentTarget.value.trim();
              onChange(next ? { ...rest, network: next } : rest);
            }}
          />
        ) : null}
      </div>
      {value.mode === 'user' ? (
        <ForwardFields
          value={value.forwards}
          onChange={(forwards) => onChange({ ...value, forwards })}
          error={(path) => at(`forwards.${path}`)}
        />
      ) : null}
      <Button
        size="compact-sm"
        variant="subtle"
        color="red"
        mt="xs"
        leftSection={<IconTrash size={14} aria-hidden />}
        onClick={onRemove}
      >
        {text.remove}
      </Button>
    </Fieldset>
  );
}
