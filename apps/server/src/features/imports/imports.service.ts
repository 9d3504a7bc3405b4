import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { archiveName } from '@strata/contract';
import { AppError } from '../../app-error.ts';
import { newId } from '../../new-id.ts';
import type { OperationsService } from '../operations/operations.types.ts';
import { type ImportDeps, type ImportRun, importExecutor, newJournal } from './import.executor.ts';
import type { ImportRequest, ImportsService } from './imports.types.ts';

export interface ImportsDeps extends ImportDeps {
  readonly operations: OperationsService;
}

const stemOf = (filename: string, otherwise: string): string => {
  const stem = filename
    .replace(/\.[^.]+$/, '')
    .replace(/\.(qcow2?|raw|img|vmdk|vdi|vhdx?|iso|tar)$/i, '')
    .slice(0, 100);
  return stem === '' ? otherwise : stem;
};

const stepsOf = (original: ImportRequest['original'], sha256: string | null): string[] => {
  if (original === 'registered') return ['Read its header, and take it in where it lies'];
  return [
    sha256 === null ? 'Look at the file' : 'Compare its SHA-256 sum',
    'Unpack it, if it is an archive',
    'Read its header, and let QEMU read it under limits',
    original === 'stays' ? 'Copy or convert it, and compare' : 'Give it its name in the library',
    'Define the VM, if one is described',
  ];
};

/** Registers its executor; create it once, before operations are recovered. */
export const createImportsService = (deps: ImportsDeps): ImportsService => {
  const { arrivals, operations } = deps;
  operations.register(importExecutor(deps));

  const start: ImportsService['start'] = (request) => {
    const { filename, bytes, sha256, original } = request;
    return operations.start<ImportRun, typeof newJournal>({
      kind: 'image-import',
      title: `Import “${filename}”`,
      request: { ...request, tag: newId() },
      journal: newJournal,
      steps: stepsOf(original, sha256),
      subjects: [],
      locks: { images: [], vms: [] },
      unit: 'bytes',
      total: bytes,
      cancelNote:
        original === 'ours'
          ? 'Nothing is taken in, and the file that was sent is removed.'
          : 'Nothing is taken in; the file stays as it is.',
    });
  };

  const unpack: ImportsService['unpack'] = async ({
    path: given,
    name,
    folder,
    format,
    sha256,
    useReserve = false,
  }) => {
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
    return start({
      ...{ path, filename, name: name ?? stemOf(filename, 'archive'), bytes: size, original: 'stays' },
      ...{ folder: folder ?? null, format: format ?? null, sha256: sha256 ?? null, useReserve },
    });
  };

  /** All that can be told at once is told before anything is begun. */
  const takeIn: ImportsService['takeIn'] = async (wish) => {
    const path = await arrivals.hostFile(wish.path);
    const [filename, { mode }] = [basename(path), wish];
    const { size } = await stat(path);
    const asked = { path, filename, bytes: size, sha256: wish.sha256 ?? null };
    const { useReserve = false, name, folder: wanted } = wish;
    if (archiveName.test(filename)) {
      if (mode === 'copy') return unpack(wish);
      throw new AppError(
        'not-possible',
        `“${filename}” is an archive: it is unpacked into the library, and stays as it is. Copy it.`,
      );
    }
    if (mode === 'register') {
      if (wanted !== undefined || asked.sha256 !== null)
        throw new AppError(
          'not-possible',
          'A file that is registered where it lies has no folder and no sum to be given.',
        );
      const none = { folder: null, format: null, useReserve };
      return start({ ...asked, ...none, name: name ?? filename, original: 'registered' });
    }
    const folder = await arrivals.folder(wanted);
    await arrivals.demandTakeable(path, mode, folder);
    const format = wish.format ?? arrivals.settledFormat(path);
    const { foreign } = await arrivals.recognize({ path, filename, format, theirs: true });
    if (foreign !== null && mode === 'move')
      throw new AppError(
        'not-possible',
        `“${filename}” is converted to qcow2, and the file itself stays as it is. Copy it.`,
      );
    const more = { folder: wanted ?? null, format, useReserve };
    return start({ ...asked, ...more, name: name ?? filename, original: mode === 'copy' ? 'stays' : 'goes' });
  };

  return { start, unpack, takeIn };
};
