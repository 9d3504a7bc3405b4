import type { VmDeletionPlan } from '@strata/contract';
import type { ReactNode } from 'react';
import { formatBytes } from '../../lib/format.ts';
import { words } from '../../lib/words.ts';
import { Bytes } from '../../ui/bytes.tsx';
import classes from './deleted-files.module.css';

/** What goes with a VM and what stays, with the reason. */
export function DeletedFiles({ plan }: { plan: VmDeletionPlan }) {
  const text = words.vms.delete.files;
  const { goes, stays, snapshots, files } = plan;
  return (
    <div className={classes.files}>
      <h3>{text.goes(goes.length)}</h3>
      <ul>
        {goes.map(({ imageId, name, path, bytes }) => (
          <li key={imageId} title={path}>
            {name} · <Bytes value={bytes} />
          </li>
        ))}
      </ul>
      <Part title={text.stays(stays.length)} count={stays.length}>
        {stays.map(({ imageId, name, path, because }) => (
          <li key={imageId} title={path}>
            {name}
            {because.length > 0 ? ` · ${text.because(because)}` : null}
          </li>
        ))}
      </Part>
      <Part title={text.snapshots(snapshots.length)} count={snapshots.length}>
        {snapshots.map(({ id, name }) => (
          <li key={id}>{name}</li>
        ))}
      </Part>
      <Part
        title={text.forGood(files.length, formatBytes(files.reduce((sum, { bytes }) => sum + bytes, 0)))}
        count={files.length}
      >
        {files.map(({ kind, path, bytes }) => (
          <li key={path} title={path}>
            {text.kinds[kind]} · {path.split('/').at(-1)} · <Bytes value={bytes} />
          </li>
        ))}
      </Part>
    </div>
  );
}

/** Nothing of a kind is no heading. */
function Part({ title, count, children }: { title: string; count: number; children: ReactNode }) {
  if (count === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      <ul>{children}</ul>
    </>
  );
}
