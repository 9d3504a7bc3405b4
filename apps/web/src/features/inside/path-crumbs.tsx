import { UnstyledButton } from '@mantine/core';
import type { InsideVolume } from '@strata/contract';
import { words } from '../../lib/words.ts';
import { ForeignName } from '../../ui/foreign-name.tsx';
import classes from './files-view.module.css';
import { crumbsOf, type InsidePath, nameOf, root } from './inside-path.ts';
import { holdsOf, volumeName } from './volume-facts.ts';

interface PathCrumbsProps {
  volume: InsideVolume;
  place: InsidePath;
  onPlace: (place: InsidePath) => void;
  onVolumes: () => void;
}

/** More than these are folded at their beginning: what is near stays. */
const crumbsMost = 6;

/** The way from the disk to the folder that is shown. */
export function PathCrumbs({ volume, place, onPlace, onVolumes }: PathCrumbsProps) {
  const { files } = words.inside;
  const all = crumbsOf(place);
  const folders = all.slice(-crumbsMost);
  const hidden = all.at(-crumbsMost - 1);
  const volumeText = `${volumeName(volume)} · ${holdsOf(volume)}`;
  return (
    <nav aria-label={files.crumbs}>
      <ol className={classes.crumbs}>
        <li>
          <UnstyledButton className={classes.crumb} onClick={onVolumes}>
            {files.disk}
          </UnstyledButton>
          <Slash />
        </li>
        <li>
          {all.length === 0 ? (
            <span className={classes.here} aria-current="page">
              {volumeText}
            </span>
          ) : (
            <UnstyledButton className={classes.crumb} onClick={() => onPlace(root)}>
              {volumeText}
            </UnstyledButton>
          )}
          {all.length === 0 ? null : <Slash />}
        </li>
        {hidden === undefined ? null : (
          <li>
            <UnstyledButton className={classes.crumb} title={files.up} onClick={() => onPlace(hidden)}>
              …
            </UnstyledButton>
            <Slash />
          </li>
        )}
        {folders.map((folder, index) => (
          <li key={folder.rawPath ?? folder.path}>
            {index === folders.length - 1 ? (
              <span className={classes.here} aria-current="page">
                <ForeignName name={nameOf(folder)} />
              </span>
            ) : (
              <>
                <UnstyledButton className={classes.crumb} onClick={() => onPlace(folder)}>
                  <ForeignName name={nameOf(folder)} />
                </UnstyledButton>
                <Slash />
              </>
            )}
          </li>
        ))}
      </ol>
    </nav>
  );
}

const Slash = () => (
  <span aria-hidden className={classes.slash}>
    /
  </span>
);
