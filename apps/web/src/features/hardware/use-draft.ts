import { endpoints, type Vm } from '@strata/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { isApiError } from '../../api/api-error.ts';
import { call } from '../../api/call.ts';
import { changesOf, type Definition, definitionOf, patchOf, waitsForStart } from '../vm-form/definition.ts';
import { rememberVm } from '../vms/use-vm-action.ts';
import { isLive } from '../vms/vm-can.ts';

export interface Draft {
  vm: Vm;
  /** The VM with what was changed in the form. */
  value: Definition;
  set: <Field extends keyof Definition>(field: Field, value: Definition[Field]) => void;
  changes: Partial<Definition>;
  /** Of the last attempt to save, for one field. */
  fieldError: (path: string) => string | undefined;
  error: unknown;
  saving: boolean;
  /** Saving would change something that a running guest sees only after its next start. */
  waits: boolean;
  save: () => void;
  discard: () => void;
}

/** What is changed in the form but not saved. Changes of the VM from elsewhere show through where it is not. */
export function useDraft(vm: Vm): Draft {
  const client = useQueryClient();
  const [draft, setDraft] = useState<Partial<Definition>>({});
  const definition = useMemo(() => definitionOf(vm), [vm]);
  const changes = changesOf(definition, draft);
  const save = useMutation({
    mutationFn: () => call(endpoints.patchVm, { params: { id: vm.id }, body: patchOf(changes) }),
    onSuccess: (changed) => {
      rememberVm(client, changed);
      setDraft({});
    },
  });
  const error = isApiError(save.error) ? save.error : null;
  return {
    vm,
    value: { ...definition, ...changes },
    set: (field, value) => setDraft((before) => ({ ...before, [field]: value })),
    changes,
    fieldError: (path) => error?.fieldError(path),
    error: save.error,
    saving: save.isPending,
    waits: isLive(vm.state) && (Object.keys(changes) as (keyof Definition)[]).some(waitsForStart),
    save: () => save.mutate(),
    discard: () => {
      setDraft({});
      save.reset();
    },
  };
}
