import { Checkbox, Select, Stack } from '@mantine/core';
import { convertFormat } from '@strata/contract';
import { formatBytes } from '../../lib/format.ts';
import { words } from '../../lib/words.ts';
import { type ConvertFields, chosenSubformat, preallocationsOf, subformatsOf } from './convert-form.ts';

interface ConvertFieldsProps {
  fields: ConvertFields;
  onChange: (change: Partial<ConvertFields>) => void;
}

const clusterSizes = [4096, 16_384, 131_072, 524_288, 2_097_152];

/** The format, and of it what can be chosen. */
export function ConvertFormFields({ fields, onChange }: ConvertFieldsProps) {
  const { convert, create } = { convert: words.imageChanges.convert, create: words.library.create };
  const { format } = fields;
  const kinds = subformatsOf[format];
  const spaces = preallocationsOf(format);
  return (
    <Stack gap="sm">
      <Select
        label={convert.format}
        value={format}
        allowDeselect={false}
        data-autofocus
        data={convertFormat.options.map((value) => ({ value, label: convert.formats[value] }))}
        onChange={(value) => onChange({ format: value as ConvertFields['format'] })}
      />
      {kinds.length === 0 ? null : (
        <Select
          label={convert.subformat}
          value={chosenSubformat(fields)}
          allowDeselect={false}
          data={kinds.map((value) => ({ value, label: convert.subformats[value] }))}
          onChange={(value) => onChange({ subformat: value as ConvertFields['subformat'] })}
        />
      )}
      {format === 'qcow2' ? (
        <>
          <Select
            label={convert.compression}
            value={fields.compression}
            allowDeselect={false}
            data={Object.entries(convert.compressions).map(([value, label]) => ({ value, label }))}
            onChange={(value) => onChange({ compression: value as ConvertFields['compression'] })}
          />
          <Select
            label={convert.clusterSize}
            value={fields.clusterSize === null ? null : String(fields.clusterSize)}
            placeholder={convert.clusterDefault}
            clearable
            data={clusterSizes.map((size) => ({ value: String(size), label: formatBytes(size) }))}
            onChange={(value) => onChange({ clusterSize: value === null ? null : Number(value) })}
          />
        </>
      ) : null}
      {spaces.length === 0 || (format === 'qcow2' && fields.compression !== 'none') ? null : (
        <Select
          label={convert.preallocation}
          value={spaces.includes(fields.preallocation) ? fields.preallocation : 'off'}
          allowDeselect={false}
          data={spaces.map((value) => ({ value, label: create.preallocations[value] }))}
          onChange={(value) => onChange({ preallocation: value as ConvertFields['preallocation'] })}
        />
      )}
      {format === 'vpc' ? (
        <Checkbox
          label={convert.forceSize}
          description={convert.forceSizeText}
          checked={fields.forceSize}
          onChange={(event) => onChange({ forceSize: event.currentTarget.checked })}
        />
      ) : null}
    </Stack>
  );
}
