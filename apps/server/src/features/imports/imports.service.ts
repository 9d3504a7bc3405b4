import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { archiveName } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { newId } from '../../new-id.ts';
import type { OperationsService } from '../operations/operations.types.ts';
import { type ImportDeps, type ImportRun, importExecutor, newJournal } from './import.executor.ts';
import type { ImportsService } from './imports.types.ts';

export interface ImportsDeps extends ImportDeps {
  readonly operations: OperationsService;
}

/** Registers its executor; create it once, before operations are recovered. */
export const createImportsService = (deps: ImportsDeps): ImportsService => {
  const { arrivals, operations } = deps;
  operations.register(importExecutor(deps));

  const start: ImportsService['start'] = (request) => {
    const { filename, bytes, sha256, removes } = request;
    return operations.start<ImportRun, typeof newJournal>({
      kind: 'image-import',
      title: `Take in “${filename}”`,
      request: { ...request, tag: newId() },
      journal: newJournal,
      steps: [
        sha256 === null ? 'Look at the file' : 'Compare its SHA-256 sum',
        'Unpack it, if it is an archive',
        'Read its header, and let QEMU read it under limits',
        'Give it its name in the library',
        'Define the VM, if one is described',
      ],
      subjects: [],
      locks: { images: [], vms: [] },
      unit: 'bytes',
      total: bytes,
      cancelNote: removes
        ? 'Nothing is taken in, and the file that was sent is removed.'
        : 'Nothing is taken in; the file stays as it is.',
    });
  };

  return {
    start,
    unpack: async ({ path: given, name, folder, format, sha256, useReserve = false }) => {
      const path = await arrivals.hostFile(given);
      const filename = basename(path);
      if (!archiveName.test(filename))
        throw new AppError(
          'not-possible',
          `“${filename}” is not called like an archive (.gz, .xz, .zst, .zip, .tar, .ova, .ovf). Register it instead.`,
        );
      const { size } = await stat(path);
      await arrivals.demandSpace(deps.incoming, size, useReserve);
      await arrivals.folder(folder);
      const stem = filename
        .replace(/\.[^.]+$/, '')
        .replace(/\.(qcow2?|raw|img|vmdk|vdi|vhdx?|iso|tar)$/i, '')
        .slice(0, 100);
      return start({
        ...{ path, filename, name: name ?? (stem === '' ? 'archive' : stem), bytes: size, removes: false },
        ...{ folder: folder ?? null, format: format ?? null, sha256: sha256 ?? null, useReserve },
      });
    },
  };
};
