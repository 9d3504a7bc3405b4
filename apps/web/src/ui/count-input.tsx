import { NumberInput, type NumberInputProps } from '@mantine/core';
import { useState } from 'react';
import { words } from '../lib/words.ts';

interface CountInputProps extends Omit<NumberInputProps, 'value' | 'onChange' | 'error' | 'min' | 'max'> {
  value: number | null;
  min: number;
  max: number;
  /** Null: what stands there is no such number, and the field says so. */
  onCount: (count: number | null) => void;
}

/** A whole number within bounds. An empty field is empty: it never stands for the number that was there before. */
export function CountInput({ value, min, max, onCount, ...props }: CountInputProps) {
  const [text, setText] = useState<number | string>(value ?? '');
  return (
    <NumberInput
      {...props}
      value={text}
      min={min}
      max={max}
      allowDecimal={false}
      clampBehavior="none"
      error={value === null ? words.common.wholeNumber(min, max) : undefined}
      onChange={(next) => {
        setText(next);
        const count = typeof next === 'number' && Number.isInteger(next) && next >= min && next <= max;
        onCount(count ? next : null);
      }}
    />
  );
}
