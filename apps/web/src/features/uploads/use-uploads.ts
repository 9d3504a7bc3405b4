import { useQuery } from '@tanstack/react-query';
import { useCallback, useEffect, useState, useSyncExternalStore } from 'react';
import { operationsQuery, uploadsQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { notifyDone } from '../../ui/notify.tsx';
import { isSumsFile, readSums } from './check-sums.ts';
import { uploadQueue } from './upload-queue.ts';
import { type UploadRow, uploadRows } from './upload-rows.ts';

/** Everything that is on its way into the library, whoever sends it. */
export function useUploadRows(): UploadRow[] {
  const jobs = useSyncExternalStore(uploadQueue.subscribe, uploadQueue.jobs);
  const uploads = useQuery(uploadsQuery());
  const operations = useQuery(operationsQuery());
  return uploadRows(jobs, uploads.data?.items ?? [], operations.data?.items ?? [], performance.now());
}

/** Sends files; a text of check sums among them is not sent, but compared with. */
export async function sendFiles(files: readonly File[]): Promise<void> {
  const lists = files.filter(isSumsFile);
  const images = files.filter((file) => !lists.includes(file));
  const sums = new Map<string, string>();
  // Alone it is nothing to compare with, and no image either.
  for (const list of lists) for (const [name, sum] of readSums(await list.text())) sums.set(name, sum);
  const known = images.filter(({ name }) => sums.has(name)).length;
  if (known > 0) notifyDone(words.uploads.sums(known));
  for (const file of images) await uploadQueue.add(file, { sha256: sums.get(file.name) });
}

const carriesFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') === true;

/** Files may be dropped anywhere while the page is open; true while some are held over it. */
export function useFileDrop(): boolean {
  const [over, setOver] = useState(false);
  const drop = useCallback((event: DragEvent) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    setOver(false);
    void sendFiles([...(event.dataTransfer?.files ?? [])]);
  }, []);
  useEffect(() => {
    const hold = (event: DragEvent) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      setOver(true);
    };
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false);
    };
    window.addEventListener('dragover', hold);
    window.addEventListener('dragleave', leave);
    window.addEventListener('drop', drop);
    return () => {
      window.removeEventListener('dragover', hold);
      window.removeEventListener('dragleave', leave);
      window.removeEventListener('drop', drop);
    };
  }, [drop]);
  return over;
}
