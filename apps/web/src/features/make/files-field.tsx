import { Button, Checkbox, CloseButton, FileButton, Group } from '@mantine/core';
import { IconFile, IconFolder } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import { words } from '../../lib/words.ts';
import { Bytes } from '../../ui/bytes.tsx';
import { notifyError } from '../../ui/notify.tsx';
import { fromDialog, fromDrop, together, topEntries, without } from './chosen-files.ts';
import classes from './make.module.css';
import type { Chosen } from './pack-files.ts';
import type { FilesSource } from './use-files-source.ts';

const mostShown = 100;

/** Files and folders that are dropped anywhere, or chosen by a dialog. */
export function FilesField({ source }: { source: FilesSource }) {
  const { chosen, setChosen, wrapper, inner, setInner } = source;
  const add = (more: Chosen) => setChosen((before) => together(before, more));
  const isOver = useDropsOnly(add);
  const tops = topEntries(chosen);
  const text = words.make.files;
  return (
    <div className={classes.files}>
      <div className={classes.drop} data-over={isOver || undefined}>
        <span>{isOver ? text.dropNow : text.drop}</span>
        <Group gap={8} justify="center">
          <FilesButton onAdd={add} />
          <FolderButton onAdd={add} />
        </Group>
      </div>
      {tops.length === 0 ? null : (
        <ul className={classes.tops} aria-label={text.list}>
          {tops.slice(0, mostShown).map(({ name, isFolder, files, bytes }) => (
            <li key={name} className={classes.top}>
              {isFolder ? <IconFolder size={15} aria-hidden /> : <IconFile size={15} aria-hidden />}
              <span className={classes.topName}>{name}</span>
              {isFolder ? <span className={classes.faint}>{text.count(files)}</span> : null}
              <Bytes value={bytes} className={classes.faint ?? ''} />
              <CloseButton
                size="sm"
                aria-label={text.remove(name)}
                onClick={() => setChosen((before) => without(before, name))}
              />
            </li>
          ))}
          {tops.length > mostShown ? (
            <li className={classes.faint}>{text.more(tops.length - mostShown)}</li>
          ) : null}
        </ul>
      )}
      {wrapper === null ? null : (
        <Checkbox
          label={text.inner(wrapper)}
          checked={inner}
          onChange={(event) => setInner(event.currentTarget.checked)}
        />
      )}
    </div>
  );
}

function FilesButton({ onAdd }: { onAdd: (more: Chosen) => void }) {
  const reset = useRef<() => void>(null);
  const add = (files: File[]) => {
    onAdd(fromDialog(files));
    reset.current?.();
  };
  return (
    <FileButton
      multiple
      resetRef={reset}
      onChange={add}
      inputProps={{ 'aria-label': words.make.files.choose }}
    >
      {(props) => (
        <Button variant="default" size="compact-sm" {...props}>
          {words.make.files.choose}
        </Button>
      )}
    </FileButton>
  );
}

/** A folder is chosen by an input that says so in an attribute which is no standard, and which every browser has. */
function FolderButton({ onAdd }: { onAdd: (more: Chosen) => void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={(element) => {
          input.current = element;
          element?.setAttribute('webkitdirectory', '');
        }}
        type="file"
        hidden
        aria-label={words.make.files.chooseFolder}
        onChange={(event) => {
          onAdd(fromDialog([...(event.currentTarget.files ?? [])]));
          event.currentTarget.value = '';
        }}
      />
      <Button variant="default" size="compact-sm" onClick={() => input.current?.click()}>
        {words.make.files.chooseFolder}
      </Button>
    </>
  );
}

/** While this is shown, what is dropped anywhere comes here, and nothing is uploaded into the library. */
function useDropsOnly(add: (more: Chosen) => void): boolean {
  const [isOver, setOver] = useState(false);
  const latest = useRef(add);
  latest.current = add;
  useEffect(() => {
    const isOfFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') === true;
    const mine = (event: DragEvent): boolean => {
      if (!isOfFiles(event)) return false;
      event.preventDefault();
      event.stopImmediatePropagation();
      return true;
    };
    const hold = (event: DragEvent) => {
      if (mine(event)) setOver(true);
    };
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false);
    };
    const drop = (event: DragEvent) => {
      if (!mine(event) || event.dataTransfer === null) return;
      setOver(false);
      fromDrop(event.dataTransfer).then((more) => latest.current(more), notifyError);
    };
    window.addEventListener('dragover', hold, true);
    window.addEventListener('dragleave', leave, true);
    window.addEventListener('drop', drop, true);
    return () => {
      window.removeEventListener('dragover', hold, true);
      window.removeEventListener('dragleave', leave, true);
      window.removeEventListener('drop', drop, true);
    };
  }, []);
  return isOver;
}
