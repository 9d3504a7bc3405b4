import type { Usage, UsedFileSystem } from '@strata/contract';
import { words } from '../../lib/words.ts';
import { DiskMeter } from '../../ui/disk-meter.tsx';
import { Panel } from '../../ui/page.tsx';
import classes from './usage.module.css';

/** Every disk that Strata writes to, with the folders of the library on it; folders whose disk is away at the end. */
export function DiskPanel({ usage }: { usage: Usage }) {
  const { disks } = words.usage;
  const away = usage.folders.filter(({ fileSystemId }) => fileSystemId === null);
  return (
    <Panel title={disks.title}>
      <ul className={classes.disks}>
        {usage.fileSystems.map((disk) => (
          <Disk
            key={disk.id}
            disk={disk}
            folders={usage.folders.filter(({ fileSystemId }) => fileSystemId === disk.id)}
          />
        ))}
      </ul>
      {away.length > 0 ? <Folders folders={away} /> : null}
      {usage.hardLinked > 0 ? <p className={classes.note}>{disks.hardLinked(usage.hardLinked)}</p> : null}
    </Panel>
  );
}

function Disk({ disk, folders }: { disk: UsedFileSystem; folders: Usage['folders'] }) {
  const { disks } = words.usage;
  return (
    <li>
      <DiskMeter name={disk.mountPoint ?? disks.unmounted} total={disk.total} free={disk.free} />
      <p className={classes.note}>
        {disks.strata(disk.strata)}
        {disk.promised > 0 ? `; ${disks.promised(disk.promised)}` : ''}.
        {disk.promised > disk.free ? <span className={classes.warn}> {disks.overpromised}</span> : null}
        {disk.sharesBlocks ? ` ${disks.shares}` : ''}
      </p>
      <Folders folders={folders} />
    </li>
  );
}

function Folders({ folders }: { folders: Usage['folders'] }) {
  const text = words.usage.folders;
  return (
    <ul className={classes.folders}>
      {folders.map((folder) => (
        <li key={folder.id ?? 'alone'}>
          {folder.id === null ? <span>{text.alone}</span> : <code>{folder.path}</code>}
          {folder.default ? <span className={classes.tag}>{text.default}</span> : null}
          {folder.state === 'ok' ? null : <span className={classes.bad}>{text.states[folder.state]}</span>}
          <span className={classes.muted}>{text.facts(folder.images, folder.bytes)}</span>
          {folder.problems.map(({ code, message, repair }) => (
            <span key={code} className={classes.bad}>
              {message} {repair ?? ''}
            </span>
          ))}
        </li>
      ))}
    </ul>
  );
}
