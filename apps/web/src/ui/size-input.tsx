import { TextInput, type TextInputProps } from '@mantine/core';
import { useState } from 'react';
import { formatBytes, formatExactBytes, parseSize } from '../lib/format.ts';
import { words } from '../lib/words.ts';

interface SizeInputProps extends Omit<TextInputProps, 'value' | 'onChange'> {
  /** Bytes; null while what stands there is no size. */
  value: number | null;
  onChange: (bytes: number | null) => void;
}

/** A size as people write it: `4G`, `512 MiB`, `1.5T`. */
export function SizeInput({ value, onChange, error, ...props }: SizeInputProps) {
  const [typed, setTyped] = useState<string | null>(null);
  // What was typed stays as it was typed, as long as it means the value from outside.
  const text =
    typed !== null && parseSize(typed) === value ? typed : value === null ? '' : writtenSize(value);
  const shown = typed !== null && value === null ? typed : text;
  return (
    <TextInput
      {...props}
      value={shown}
      title={value === null ? undefined : formatExactBytes(value)}
      error={error ?? (typed !== null && value === null ? words.hardware.badSize : undefined)}
      onChange={(event) => {
        const next = event.currentTarget.value;
        setTyped(next);
        onChange(parseSize(next));
      }}
      onBlur={() => {
        if (value !== null) setTyped(null);
      }}
    />
  );
}

/** Rounded only where nothing is lost: a form must not change a size by showing it. */
export function writtenSize(bytes: number): string {
  const text = formatBytes(bytes);
  return parseSize(text) === bytes ? text : String(bytes);
}
