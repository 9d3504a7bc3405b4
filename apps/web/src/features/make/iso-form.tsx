import { Checkbox, TextInput } from '@mantine/core';
import { discLabel, endpoints } from '@strata/contract';
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { words } from '../../lib/words.ts';
import { FilesSourceFields } from './files-source.tsx';
import type { MakeFormProps } from './make-kinds.ts';
import { MakingForm } from './making-form.tsx';
import { useFilesSource } from './use-files-source.ts';
import { useForecast } from './use-forecast.ts';
import { useMakingOfFiles, useTarget } from './use-making.ts';

/** A disc of files. */
export function IsoForm({ onClose, sent, picked }: MakeFormProps) {
  const [label, setLabel] = useState('STRATA');
  const [joliet, setJoliet] = useState(true);
  const source = useFilesSource(picked, sent, 'iso');
  const choice = useTarget();
  const making = useMakingOfFiles(
    source,
    choice,
    (body) => call(endpoints.makeIso, { body: { ...body, label, joliet } }),
    onClose,
  );
  const forecast = useForecast({ kind: 'iso' }, source, choice.target);
  const named = discLabel.safeParse(label).success;
  return (
    <MakingForm making={making} ready={named} forecast={forecast} onClose={onClose}>
      <FilesSourceFields source={source} error={making.fieldError('source')} />
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
