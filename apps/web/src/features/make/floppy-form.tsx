import { Select, TextInput } from '@mantine/core';
import { endpoints, floppyLabel, type MakeFloppy } from '@strata/contract';
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { words } from '../../lib/words.ts';
import { FilesSourceFields } from './files-source.tsx';
import type { MakeFormProps } from './make-kinds.ts';
import { MakingForm } from './making-form.tsx';
import { useFilesSource } from './use-files-source.ts';
import { useForecast } from './use-forecast.ts';
import { useMakingOfFiles, useTarget } from './use-making.ts';

const sizes: readonly MakeFloppy['kilobytes'][] = [720, 1440, 2880];

/** A floppy of files. */
export function FloppyForm({ onClose, sent, picked }: MakeFormProps) {
  const [label, setLabel] = useState('STRATA');
  const [kilobytes, setKilobytes] = useState<MakeFloppy['kilobytes']>(1440);
  const source = useFilesSource(picked, sent, 'floppy');
  const choice = useTarget();
  const making = useMakingOfFiles(
    source,
    choice,
    (body) => call(endpoints.makeFloppy, { body: { ...body, label, kilobytes } }),
    onClose,
  );
  const forecast = useForecast({ kind: 'floppy', kilobytes }, source, choice.target);
  const named = floppyLabel.safeParse(label).success;
  return (
    <MakingForm making={making} ready={named} forecast={forecast} onClose={onClose}>
      <FilesSourceFields source={source} error={making.fieldError('source')} />
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
