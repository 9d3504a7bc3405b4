import type { Operation } from '@strata/contract';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { isApiError } from '../../api/api-error.ts';
import { words } from '../../lib/words.ts';
import { notifyDone } from '../../ui/notify.tsx';
import { uploadQueue } from '../uploads/upload-queue.ts';
import { packFiles } from './pack-files.ts';
import type { FilesFrom, FilesSource } from './use-files-source.ts';

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

/** Where a new image goes, while it is chosen. */
export const useTarget = () => {
  const [target, setTarget] = useState<Target>({ name: '', folder: null, useReserve: false });
  return { target, change: (change: Partial<Target>) => setTarget((before) => ({ ...before, ...change })) };
};
type TargetChoice = ReturnType<typeof useTarget>;

const bodyOf = ({ name, folder, useReserve }: Target): TargetBody => ({
  name: name.trim(),
  ...(folder === null ? {} : { folder }),
  ...(useReserve ? { useReserve } : {}),
});

/** The operation that is begun, or null where files are sent first. */
const useStart = (
  start: () => Promise<Operation | null>,
  { target, change }: TargetChoice,
  onClose: () => void,
) => {
  const mutation = useMutation({
    mutationFn: start,
    onSuccess: (operation) => {
      notifyDone(operation === null ? words.make.sending : words.copies.started(operation.title));
      onClose();
    },
  });
  return {
    ...{ target, change, start: mutation },
    fieldError: (path: string) => (isApiError(mutation.error) ? mutation.error.fieldError(path) : undefined),
  };
};

/** What every form that makes an image has: where it goes, and the operation that is begun. */
export const useMaking = (begin: (target: TargetBody) => Promise<Operation>, onClose: () => void) => {
  const choice = useTarget();
  return useStart(() => begin(bodyOf(choice.target)), choice, onClose);
};

/** The same of files: those that were chosen in this page are sent first, and go on without the dialog. */
export const useMakingOfFiles = (
  source: FilesSource,
  choice: TargetChoice,
  begin: (body: TargetBody & FilesFrom) => Promise<Operation>,
  onClose: () => void,
) => {
  const start = async (): Promise<Operation | null> => {
    const body = bodyOf(choice.target);
    if (source.from !== null) return begin({ ...body, ...source.from });
    const packed = packFiles(source.files, `${body.name}.tar`);
    await uploadQueue.add(packed, { make: (upload) => begin({ ...body, upload }) });
    return null;
  };
  return useStart(start, choice, onClose);
};
export type Making = ReturnType<typeof useMaking>;
