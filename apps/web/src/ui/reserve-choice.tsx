import { Checkbox } from '@mantine/core';
import { isApiError } from '../api/api-error.ts';
import { words } from '../lib/words.ts';

interface ReserveChoiceProps {
  /** How the last attempt ended. */
  error: unknown;
  /** Known before any attempt: what is free without the reserve is too little. */
  offered?: boolean;
  checked: boolean;
  onChange: (checked: boolean) => void;
}

/** What fits only into the space that is kept free: the way to go on all the same. Nothing before that is known. */
export function ReserveChoice({ error, offered = false, checked, onChange }: ReserveChoiceProps) {
  const fits = offered || (isApiError(error) && error.problem.fitsInReserve === true);
  if (!fits && !checked) return null;
  return (
    <Checkbox
      label={words.plan.space.useReserve}
      description={words.plan.space.useReserveText}
      checked={checked}
      onChange={(event) => onChange(event.currentTarget.checked)}
    />
  );
}
