import { type InsideEntry, insideEndpoints } from '@strata/contract';
import { useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { sendFile } from '../../api/send-file.ts';
import { quotedName } from '../../lib/visible-text.ts';
import { words } from '../../lib/words.ts';
import { notifyDone, notifyError } from '../../ui/notify.tsx';
import { askedPath, childOf } from './inside-path.ts';
import { entriesKey, type InsideFolder } from './use-entries.ts';

/** The file that is on its way. */
export interface Putting {
  readonly name: string;
  readonly sent: number;
  readonly size: number;
}

export interface PutFiles {
  readonly now: Putting | null;
  /** Files whose names are taken, until the person has said whether they are replaced. */
  readonly asking: { readonly files: readonly File[]; readonly taken: readonly string[] } | null;
  readonly add: (files: readonly File[]) => void;
  readonly answer: (replace: boolean) => void;
  readonly stop: () => void;
}

/** Puts files into a folder, one after the other, and asks before anything is replaced. */
export function usePutFiles(folder: InsideFolder, entries: readonly InsideEntry[]): PutFiles {
  const client = useQueryClient();
  const [now, setNow] = useState<Putting | null>(null);
  const [asking, setAsking] = useState<PutFiles['asking']>(null);
  const stopper = useRef<AbortController | null>(null);

  const send = async (files: readonly File[]): Promise<void> => {
    const abort = new AbortController();
    stopper.current = abort;
    let done = 0;
    try {
      for (const file of files) {
        const show = (sent: number) => setNow({ name: file.name, sent, size: file.size });
        show(0);
        await sendFile(insideEndpoints.putInsideFile, {
          params: { sid: folder.sid },
          query: { volume: folder.volume, ...askedPath(childOf(folder.place, file.name)) },
          ...{ file, signal: abort.signal, onSent: show },
        });
        done += 1;
      }
    } catch (error) {
      if (!abort.signal.aborted) notifyError(error);
    } finally {
      setNow(null);
      await client.invalidateQueries({ queryKey: entriesKey(folder) });
      if (done > 0) notifyDone(words.inside.upload.done(done));
    }
  };

  const add = (files: readonly File[]) => {
    const known = new Map(entries.map((entry) => [entry.name, entry.kind]));
    const inWay = files.find(({ name }) => known.get(name) === 'folder');
    if (inWay !== undefined)
      return notifyError(new Error(words.inside.upload.folderInWay(quotedName(inWay.name))));
    const taken = files.map(({ name }) => name).filter((name) => known.has(name));
    if (taken.length > 0) return setAsking({ files, taken });
    void send(files);
  };
  const answer = (replace: boolean) => {
    setAsking(null);
    if (replace && asking !== null) void send(asking.files);
  };
  return { now, asking, add, answer, stop: () => stopper.current?.abort() };
}
