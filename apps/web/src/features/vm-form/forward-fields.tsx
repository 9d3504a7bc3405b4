import { ActionIcon, Button, Checkbox, NumberInput, Select, TextInput } from '@mantine/core';
import type { NicInput } from '@strata/contract';
import { IconArrowRight, IconPlus, IconTrash } from '@tabler/icons-react';
import { words } from '../../lib/words.ts';
import { needsExposed, withoutNeedlessWord } from './forward-exposure.ts';
import classes from './nic-fields.module.css';

type Forward = NicInput['forwards'][number];

interface ForwardFieldsProps {
  value: Forward[];
  onChange: (forwards: Forward[]) => void;
  error: (path: string) => string | undefined;
}

/** `127.0.0.1:2222 → guest:22`. */
export function ForwardFields({ value, onChange, error }: ForwardFieldsProps) {
  const text = words.hardware.forwards;
  const change = (index: number, part: Partial<Forward>) =>
    onChange(value.map((each, i) => (i === index ? withoutNeedlessWord({ ...each, ...part }) : each)));
  return (
    <div className={classes.forwards}>
      <span className={classes.title}>{text.title}</span>
      <span className={classes.hint}>{text.text}</span>
      {value.map((forward, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a forward has no other identity while it is edited
        <div key={index} className={classes.forward}>
          <Select
            label={text.protocol}
            data={['tcp', 'udp']}
            value={forward.protocol}
            onChange={(protocol) => change(index, { protocol: protocol as Forward['protocol'] })}
          />
          <TextInput
            label={text.hostAddress}
            value={forward.hostAddress}
            error={error(`${index}.hostAddress`)}
            onChange={(event) => change(index, { hostAddress: event.currentTarget.value.trim() })}
          />
          <Port
            label={text.hostPort}
            value={forward.hostPort}
            error={error(`${index}.hostPort`)}
            onChange={(hostPort) => change(index, { hostPort })}
          />
          <IconArrowRight size={16} className={classes.arrow} aria-hidden />
          <Port
            label={text.guestPort}
            value={forward.guestPort}
            error={error(`${index}.guestPort`)}
            onChange={(guestPort) => change(index, { guestPort })}
          />
          <ActionIcon
            variant="subtle"
            color="red"
            size="lg"
            className={classes.remove ?? ''}
            aria-label={text.remove}
            onClick={() => onChange(value.filter((_, i) => i !== index))}
          >
            <IconTrash size={16} aria-hidden />
          </ActionIcon>
          {needsExposed(forward) ? (
            <Checkbox
              className={classes.exposed ?? ''}
              label={text.exposed}
              checked={forward.exposed ?? false}
              error={error(`${index}.exposed`)}
              onChange={(event) => change(index, { exposed: event.currentTarget.checked })}
            />
          ) : null}
        </div>
      ))}
      <Button
        size="compact-sm"
        variant="subtle"
        leftSection={<IconPlus size={14} aria-hidden />}
        onClick={() =>
          onChange([...value, { protocol: 'tcp', hostAddress: '127.0.0.1', hostPort: 2222, guestPort: 22 }])
        }
      >
        {text.add}
      </Button>
    </div>
  );
}

interface PortProps {
  label: string;
  value: number;
  error: string | undefined;
  onChange: (port: number) => void;
}

function Port({ label, value, error, onChange }: PortProps) {
  return (
    <NumberInput
      label={label}
      min={1}
      max={65_535}
      allowDecimal={false}
      hideControls
      value={value}
      error={error}
      onChange={(next) => {
        if (typeof next === 'number') onChange(next);
      }}
    />
  );
}
