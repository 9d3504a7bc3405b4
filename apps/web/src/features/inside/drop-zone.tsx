import { type DragEvent, type ReactNode, useState } from 'react';
import { words } from '../../lib/words.ts';
import { notifyError } from '../../ui/notify.tsx';
import classes from './drop-zone.module.css';
import type { PutFiles } from './use-put-files.ts';

/** Files dropped on it go into the folder that is shown. */
export function DropZone({ put, children }: { put: PutFiles | null; children: ReactNode }) {
  const [isOver, setOver] = useState(false);
  if (put === null) return children;
  const hold = (event: DragEvent) => {
    if (!event.dataTransfer.types.includes('Files')) return;
    event.preventDefault();
    setOver(true);
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const { items } = event.dataTransfer;
    const hasFolder = [...items].some((item) => item.webkitGetAsEntry()?.isDirectory === true);
    if (hasFolder) return notifyError(new Error(words.inside.upload.noFolders));
    const files = [...event.dataTransfer.files];
    if (files.length > 0) put.add(files);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: for the mouse; the button above does the same
    <div
      className={classes.zone}
      data-over={isOver || undefined}
      onDragEnter={hold}
      onDragOver={hold}
      onDragLeave={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver(false);
      }}
      onDrop={drop}
    >
      {children}
      {isOver ? <p className={classes.hint}>{words.inside.upload.drop}</p> : null}
    </div>
  );
}
