import type { Snapshot, Vm } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { imagesQuery } from '../../api/queries.ts';
import { useImageNames } from '../../api/use-image-names.ts';
import { words } from '../../lib/words.ts';
import { Bytes } from '../../ui/bytes.tsx';
import { diskName } from '../layers/disk-name.ts';
import { hereWords, sinceWords } from './since-words.ts';
import classes from './snapshot-details.module.css';
import { Fact } from './snapshot-facts.tsx';

interface HereDetailsProps {
  vm: Vm;
  from: Snapshot | null;
  changed: boolean;
}

/** The state now, which no restore point holds unless nothing has been written since. */
export function HereDetails({ vm, from, changed }: HereDetailsProps) {
  const images = useQuery(imagesQuery()).data?.items;
  const nameOf = useImageNames();
  const { now, facts, frozenHere } = words.snapshots;
  return (
    <div className={classes.details}>
      <div className={classes.heading}>
        <h2 className={classes.name}>{now}</h2>
        <p className={classes.description}>{hereWords(vm, from, changed)}</p>
      </div>
      <dl className={classes.facts}>
        <Fact label={facts.state}>
          {words.vms.states[vm.state]}
          {vm.state === 'suspended' ? <span className={classes.why}>{frozenHere}</span> : null}
        </Fact>
        <Fact label={facts.since}>{sinceWords(vm, changed)}</Fact>
        <Fact label={vm.state === 'suspended' ? facts.willWrite : facts.written}>
          <ul className={classes.disks}>
            {vm.disks.map((disk, index) => {
              const image = images?.find(({ id }) => id === disk.imageId);
              return (
                <li key={disk.id}>
                  <span className={classes.disk}>{diskName(vm.disks, index)}</span>
                  <Link
                    to="/vms/$vmId/layers"
                    params={{ vmId: vm.id }}
                    search={{ layer: disk.imageId }}
                    className={classes.link}
                  >
                    {image ? nameOf(image) : disk.imageId}
                  </Link>
                  {image ? <Bytes value={image.allocatedSize} className={classes.why ?? ''} /> : null}
                </li>
              );
            })}
          </ul>
        </Fact>
      </dl>
    </div>
  );
}
