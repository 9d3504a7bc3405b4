import { Checkbox, Group, Select, TextInput } from '@mantine/core';
import { diskLabels, endpoints, type MakeDisk } from '@strata/contract';
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { words } from '../../lib/words.ts';
import { SizeInput } from '../../ui/size-input.tsx';
import { FilesSourceFields } from './files-source.tsx';
import classes from './make.module.css';
import type { MakeFormProps } from './make-kinds.ts';
import { MakingForm } from './making-form.tsx';
import { useFilesSource } from './use-files-source.ts';
import { useForecast } from './use-forecast.ts';
import { useMakingOfFiles, useTarget } from './use-making.ts';

type Shape = Pick<MakeDisk, 'fileSystem' | 'table' | 'format' | 'efi'>;
const first: Shape = { fileSystem: 'ext4', table: 'gpt', format: 'qcow2', efi: false };

/** What a list offers, with the words of its values. */
const options = (texts: Readonly<Record<string, string>>) =>
  Object.entries(texts).map(([value, label]) => ({ value, label }));

/** A disk with a file system, and files in it. */
export function DiskForm({ onClose, sent, picked }: MakeFormProps) {
  const [label, setLabel] = useState('STRATA');
  const [shape, setShape] = useState(first);
  const [isFitted, setFitted] = useState(true);
  const [bytes, setBytes] = useState<number | null>(64 * 1024 ** 2);
  const text = words.make.disk;
  const change = (what: Partial<Shape>) =>
    setShape((before) => {
      const after = { ...before, ...what };
      return { ...after, efi: after.efi && canBeEfi(after) };
    });
  const source = useFilesSource(picked, sent, shape.fileSystem);
  const choice = useTarget();
  const form = { ...shape, ...(bytes === null ? {} : isFitted ? { free: bytes } : { size: bytes }) };
  const making = useMakingOfFiles(
    source,
    choice,
    (body) => call(endpoints.makeDisk, { body: { ...body, ...form, label } }),
    onClose,
  );
  const forecast = useForecast({ kind: 'disk', ...form }, source, choice.target);
  const named = diskLabels[shape.fileSystem].safeParse(label).success;
  const wrong = shape.fileSystem === 'ext4' ? text.labelWrong : words.make.floppyLabelWrong;
  return (
    <MakingForm making={making} ready={named && bytes !== null} forecast={forecast} onClose={onClose}>
      <FilesSourceFields source={source} error={making.fieldError('source')} />
      <div className={classes.pair}>
        <Select
          label={text.fileSystem}
          value={shape.fileSystem}
          onChange={(value) => change({ fileSystem: value === 'fat32' ? 'fat32' : 'ext4' })}
          data={options(text.fileSystems)}
          allowDeselect={false}
        />
        <TextInput
          label={text.label}
          value={label}
          required
          maxLength={16}
          onChange={(event) => setLabel(event.currentTarget.value)}
          error={named ? making.fieldError('label') : wrong}
        />
        <Select
          label={text.table}
          value={shape.table}
          onChange={(value) => change({ table: value === 'mbr' || value === 'none' ? value : 'gpt' })}
          data={options(text.tables)}
          allowDeselect={false}
        />
        <Select
          label={text.format}
          value={shape.format}
          onChange={(value) => change({ format: value === 'raw' ? 'raw' : 'qcow2' })}
          data={options(text.formats)}
          allowDeselect={false}
        />
        <Select
          label={text.size}
          value={isFitted ? 'fitted' : 'exact'}
          onChange={(value) => {
            setFitted(value !== 'exact');
            setBytes(value === 'exact' ? 4 * 1024 ** 3 : 64 * 1024 ** 2);
          }}
          data={options(text.sizes)}
          allowDeselect={false}
        />
        <SizeInput
          label={isFitted ? text.free : text.exact}
          value={bytes}
          required
          onChange={setBytes}
          error={making.fieldError(isFitted ? 'free' : 'size')}
        />
      </div>
      {canBeEfi(shape) ? (
        <Group>
          <Checkbox
            label={text.efi}
            description={text.efiText}
            checked={shape.efi}
            onChange={(event) => change({ efi: event.currentTarget.checked })}
          />
        </Group>
      ) : null}
    </MakingForm>
  );
}

const canBeEfi = ({ fileSystem, table }: Shape): boolean => fileSystem === 'fat32' && table !== 'none';
