import { Checkbox, TextInput } from '@mantine/core';
import { discLabel, endpoints } from '@strata/contract';
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { words } from '../../lib/words.ts';
import { PathField } from '../../ui/path-field.tsx';
import { MakingForm } from './making-form.tsx';
import { useMaking } from './use-making.ts';

/** A disc of a folder of the host. */
export function FolderIsoForm({ onClose }: { onClose: () => void }) {
  const [source, setSource] = useState('');
  const [label, setLabel] = useState('STRATA');
  const [joliet, setJoliet] = useState(true);
  const making = useMaking(
    (target) => call(endpoints.makeIso, { body: { ...target, source: source.trim(), label, joliet } }),
    onClose,
  );
  const named = discLabel.safeParse(label).success;
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
      <TextInput
        label={words.make.label}
        value={label}
        required
        maxLength={32}
        onChange={(event) => setLabel(event.currentTarget.value)}
        error={named ? making.fieldError('label') : words.make.labelWrong}
      />
      <Checkbox
        label={words.make.joliet}
        description={words.make.joliets}
        checked={joliet}
        onChange={(event) => setJoliet(event.currentTarget.checked)}
      />
    </MakingForm>
  );
}
