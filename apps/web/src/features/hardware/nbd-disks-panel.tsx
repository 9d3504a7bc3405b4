import { Button, Checkbox, Fieldset, Select, TextInput } from '@mantine/core';
import type { NbdDisk } from '@strata/contract';
import { IconPlus, IconTrash } from '@tabler/icons-react';
import { words } from '../../lib/words.ts';
import classes from '../vm-form/nic-fields.module.css';
import { DraftPanel } from './draft-panel.tsx';
import tab from './hardware-tab.module.css';
import type { Draft } from './use-draft.ts';

/** Disks that other programs serve: they come with the next start, and are no layers. */
export function NbdDisksPanel({ draft }: { draft: Draft }) {
  const { nbd: text, sections } = words.hardware;
  const { nbdDisks } = draft.value;
  const set = (next: NbdDisk[]) => draft.set('nbdDisks', next);
  return (
    <DraftPanel draft={draft} title={sections.nbdDisks} fields={['nbdDisks']}>
      <p className={tab.hint}>{nbdDisks.length === 0 ? text.none : text.hint}</p>
      {nbdDisks.map((disk, index) => (
        <NbdFields
          // biome-ignore lint/suspicious/noArrayIndexKey: the place is what names a disk to the guest
          key={index}
          index={index}
          disk={disk}
          error={(field) => draft.fieldError(`nbdDisks.${index}.${field}`)}
          onChange={(next) => set(nbdDisks.with(index, next))}
          onRemove={() => set(nbdDisks.toSpliced(index, 1))}
        />
      ))}
      {nbdDisks.length < 4 ? (
        <div className={tab.adders}>
          <Button
            size="compact-sm"
            variant="subtle"
            leftSection={<IconPlus size={14} aria-hidden />}
            onClick={() => set([...nbdDisks, { uri: '', readOnly: true, bus: 'virtio' }])}
          >
            {text.add}
          </Button>
        </div>
      ) : null}
    </DraftPanel>
  );
}

interface NbdFieldsProps {
  index: number;
  disk: NbdDisk;
  error: (field: string) => string | undefined;
  onChange: (disk: NbdDisk) => void;
  onRemove: () => void;
}

function NbdFields({ index, disk, error, onChange, onRemove }: NbdFieldsProps) {
  const text = words.hardware.nbd;
  const { credentials, ...rest } = disk;
  const secure = disk.uri.startsWith('nbds:');
  return (
    <Fieldset legend={text.title(index)} className={classes.card ?? ''}>
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
      <Button
        mt="xs"
        size="compact-sm"
        variant="subtle"
        color="red"
        leftSection={<IconTrash size={14} aria-hidden />}
        onClick={onRemove}
      >
        {text.remove(index)}
      </Button>
    </Fieldset>
  );
}
