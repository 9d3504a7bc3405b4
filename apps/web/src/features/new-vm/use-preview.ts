import { useDebouncedValue } from '@mantine/hooks';
import { endpoints } from '@strata/contract';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { isApiError } from '../../api/api-error.ts';
import { call } from '../../api/call.ts';
import { createBodyOf, missingIn, type NewVmForm } from './new-vm-form.ts';

export interface Preview {
  shell: string | null;
  /** What is shown belongs to the form as it was a moment ago. */
  old: boolean;
  /** What is missing before there can be a command. */
  missing: string | null;
  error: unknown;
  fieldError: (path: string) => string | undefined;
}

/** Of a path each pause while typing would be a file that is not there. */
const typedPathWait = 900;
const usualWait = 300;

/** The command of the form as it stands, asked a moment after the last change. It also validates the fields. */
export function usePreview(form: NewVmForm, name: string, taken: readonly string[]): Preview {
  const missing = missingIn(form, taken);
  const body = createBodyOf(form, name);
  const [asked] = useDebouncedValue(
    JSON.stringify(body),
    form.source === 'kernel' ? typedPathWait : usualWait,
  );
  const query = useQuery({
    queryKey: ['preview', asked],
    queryFn: ({ signal }) => call(endpoints.previewVm, { body: JSON.parse(asked) as typeof body, signal }),
    // What was asked for may be older than what is missing now.
    enabled: missing === null && (form.source !== 'kernel' || asked === JSON.stringify(body)),
    placeholderData: keepPreviousData,
    gcTime: 30_000,
    retry: false,
  });
  const error = missing === null ? query.error : null;
  return {
    shell: missing === null ? (query.data?.shell ?? null) : null,
    old: query.isPlaceholderData || query.isFetching || asked !== JSON.stringify(body),
    missing,
    error,
    fieldError: (path) => (isApiError(error) ? error.fieldError(path) : undefined),
  };
}
