import { Button, Checkbox, Fieldset, Select, TextInput } from '@mantine/core';
import type { NbdDisk } from '@strata/contract';
import { IconTrash } from '@tabler/icons-react';
import { words } from '../../lib/words.ts';
import classes from './nic-fields.module.css';

interface NbdFieldsProps {
  title: string;
  disk: NbdDisk;
  error: (field: string) => string | undefined;
  onChange: (disk: NbdDisk) => void;
  /** Left out where there is just this one. */
  remove?: { label: string; run: () => void };
}

/** Where a disk is served, and how it is used. */
export function NbdFields({ title, disk, error, onChange, remove }: NbdFieldsProps) {
  const text = words.hardware.nbd;
  const { credentials, ...rest } = disk;
  const secure = disk.uri.startsWith('nbds:');
  return (
    <Fieldset legend={title} className={classes.card ?? ''}>
      <TextInput
        label={text.uri}
        description={text.uriHint}
        value={disk.uri}
        error={error('uri')}
        onChange={(event) => {
          const uri = event.currentTarget.value.trim();
          onChange(uri.startsWith('nbds:') ? { ...disk, uri } : { ...rest, uri });
        }}
      />
      {secure ? (
        <TextInput
          label={text.credentials}
          description={text.credentialsHint}
          value={credentials ?? ''}
          error={error('credentials')}
          onChange={(event) => {
            const path = event.currentTarget.value;
            onChange(path === '' ? rest : { ...rest, credentials: path });
          }}
        />
      ) : null}
      <Select
        label={text.bus}
        data={['virtio', 'scsi']}
        value={disk.bus}
        allowDeselect={false}
        onChange={(bus) => onChange({ ...disk, bus: bus as NbdDisk['bus'] })}
      />
      <Checkbox
        mt="xs"
        label={text.readOnly}
        checked={disk.readOnly}
        onChange={(event) => onChange({ ...disk, readOnly: event.currentTarget.checked })}
      />
      {remove ? (
        <Button
          mt="xs"
          size="compact-sm"
          variant="subtle"
          color="red"
          leftSection={<IconTrash size={14} aria-hidden />}
          onClick={remove.run}
        >
          {remove.label}
        </Button>
      ) : null}
    </Fieldset>
  );
}
