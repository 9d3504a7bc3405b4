import { Select, TextInput } from '@mantine/core';
import { endpoints, floppyLabel, type MakeFloppy } from '@strata/contract';
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { words } from '../../lib/words.ts';
import { PathField } from '../../ui/path-field.tsx';
import { MakingForm } from './making-form.tsx';
import { useMaking } from './use-making.ts';

const sizes: readonly MakeFloppy['kilobytes'][] = [720, 1440, 2880];

/** A floppy of a folder of the host. */
export function FloppyForm({ onClose }: { onClose: () => void }) {
  const [source, setSource] = useState('');
  const [label, setLabel] = useState('STRATA');
  const [kilobytes, setKilobytes] = useState<MakeFloppy['kilobytes']>(1440);
  const making = useMaking(
    (target) => call(endpoints.makeFloppy, { body: { ...target, source: source.trim(), label, kilobytes } }),
    onClose,
  );
  const named = floppyLabel.safeParse(label).success;
  return (
    <MakingForm making={making} ready={source.trim() !== '' && named} onClose={onClose}>
      <PathField
        label={words.make.source}
        kind="folder"
        required
        value={source}
        onChange={setSource}
        error={making.fieldError('source')}
      />
      <Select
        label={words.make.floppySize}
        value={String(kilobytes)}
        onChange={(value) => setKilobytes(sizes.find((size) => String(size) === value) ?? 1440)}
        data={sizes.map((size) => ({ value: String(size), label: words.make.floppySizes[size] }))}
        allowDeselect={false}
      />
      <TextInput
        label={words.make.label}
        value={label}
        required
        maxLength={11}
        onChange={(event) => setLabel(event.currentTarget.value.toUpperCase())}
        error={named ? making.fieldError('label') : words.make.floppyLabelWrong}
      />
    </MakingForm>
  );
}
