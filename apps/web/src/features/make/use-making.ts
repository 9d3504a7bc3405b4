import type { Operation } from '@strata/contract';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { isApiError } from '../../api/api-error.ts';
import { words } from '../../lib/words.ts';
import { notifyDone } from '../../ui/notify.tsx';

/** Where a new image goes. */
export interface Target {
  readonly name: string;
  readonly folder: string | null;
  readonly useReserve: boolean;
}

interface TargetBody {
  name: string;
  folder?: string;
  useReserve?: boolean;
}

/** What every form that makes an image has: where it goes, and the operation that is begun. */
export const useMaking = (begin: (target: TargetBody) => Promise<Operation>, onClose: () => void) => {
  const [target, setTarget] = useState<Target>({ name: '', folder: null, useReserve: false });
  const { name, folder, useReserve } = target;
  const start = useMutation({
    mutationFn: () =>
      begin({
        name: name.trim(),
        ...(folder === null ? {} : { folder }),
        ...(useReserve ? { useReserve } : {}),
      }),
    onSuccess: (operation) => {
      notifyDone(words.copies.started(operation.title));
      onClose();
    },
  });
  return {
    target,
    change: (change: Partial<Target>) => setTarget((before) => ({ ...before, ...change })),
    start,
    fieldError: (path: string) => (isApiError(start.error) ? start.error.fieldError(path) : undefined),
  };
};
export type Making = ReturnType<typeof useMaking>;
