import { Tooltip, UnstyledButton } from '@mantine/core';
import type { InsideVolume } from '@strata/contract';
import { formatBytes } from '../../lib/format.ts';
import { words } from '../../lib/words.ts';
import classes from './volume-bar.module.css';
import { holdsOf, segmentsOf, volumeName } from './volume-facts.ts';

interface VolumeBarProps {
  volumes: readonly InsideVolume[];
  diskSize: number;
  chosen: string | null;
  onOpen: (device: string) => void;
}

/** The disk from its first to its last byte, with its partitions in scale. */
export function VolumeBar({ volumes, diskSize, chosen, onOpen }: VolumeBarProps) {
  const segments = segmentsOf(volumes, diskSize);
  if (segments.length === 0) return null;
  return (
    <div className={classes.frame}>
      <fieldset className={classes.bar} aria-label={words.inside.volumes.bar}>
        {segments.map(({ volume, start, width }) => (
          <Tooltip key={volume.device} label={factsOf(volume)}>
            <UnstyledButton
              className={classes.segment}
              style={{
                '--start': `${start}%`,
                '--width': `${width}%`,
                '--layer': `var(--strata-layer-${(volumes.indexOf(volume) + 1) % 8})`,
              }}
              aria-label={`${words.inside.volumes.open(volumeName(volume))}: ${factsOf(volume)}`}
              aria-disabled={!volume.mountable}
              aria-current={volume.device === chosen ? 'true' : undefined}
              data-closed={!volume.mountable || undefined}
              onClick={() => {
                if (volume.mountable) onOpen(volume.device);
              }}
            >
              <span className={classes.text}>{segmentText(volume)}</span>
            </UnstyledButton>
          </Tooltip>
        ))}
      </fieldset>
      <div className={classes.ends} aria-hidden>
        <span>0</span>
        <span>{formatBytes(diskSize)}</span>
      </div>
    </div>
  );
}

const segmentText = (volume: InsideVolume): string =>
  `${volume.partition === null ? '' : `${volume.partition} · `}${holdsOf(volume)}`;

const factsOf = (volume: InsideVolume): string =>
  [
    volumeName(volume),
    holdsOf(volume),
    ...(volume.size === null ? [] : [formatBytes(volume.size)]),
    ...(volume.mountable ? [] : [words.inside.volumes.notOpened]),
  ].join(', ');
