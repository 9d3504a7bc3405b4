import type { Upload } from '@strata/contract';
import { useMemo, useState } from 'react';
import {
  chosenProblem,
  type FileSystemOfFiles,
  nothingChosen,
  onlyFolder,
  totals,
  unwrapped,
} from './chosen-files.ts';
import type { Chosen } from './pack-files.ts';

/** What a request says of where the files are. */
export type FilesFrom = { source: string } | { upload: string };

/** What was picked, for whatever is made of it: it stays when somebody changes their mind about that. */
export const usePickedFiles = () => {
  const [place, setPlace] = useState<'page' | 'host'>('page');
  const [path, setPath] = useState('');
  const [chosen, setChosen] = useState<Chosen>(nothingChosen);
  const [inner, setInner] = useState(false);
  return { place, setPlace, path, setPath, chosen, setChosen, inner, setInner };
};
export type PickedFiles = ReturnType<typeof usePickedFiles>;

/** Where the files of a new image come from: chosen in this page, a folder of the host, or sent before. */
export const useFilesSource = (picked: PickedFiles, sent: Upload | null, on: FileSystemOfFiles) => {
  const { place, path, chosen, inner } = picked;
  const wrapper = useMemo(() => onlyFolder(chosen), [chosen]);
  const files = useMemo(
    () => (inner && wrapper !== null ? unwrapped(chosen) : chosen),
    [chosen, inner, wrapper],
  );
  const total = useMemo(() => totals(files), [files]);
  const isPage = sent === null && place === 'page';
  const problem = useMemo(() => (isPage ? chosenProblem(files, on) : null), [files, on, isPage]);
  const from: FilesFrom | null =
    sent !== null
      ? { upload: sent.id }
      : place === 'host' && path.trim().startsWith('/')
        ? { source: path.trim() }
        : null;
  const isChosen = isPage && total.entries > 0;
  return {
    ...picked,
    ...{ sent, wrapper, files, problem, from },
    isChosen,
    /** What a forecast needs to know; null: nothing is there yet. */
    asked: isChosen ? { files: total } : from,
  };
};
export type FilesSource = ReturnType<typeof useFilesSource>;
