import { Select } from '@mantine/core';
import type { Snapshot, Vm } from '@strata/contract';
import { IconArrowRight } from '@tabler/icons-react';
import { useState } from 'react';
import { words } from '../../lib/words.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { diskName } from '../layers/disk-name.ts';
import { isLive } from '../vms/vm-can.ts';
import classes from './compare-dialog.module.css';
import { DiskComparison } from './disk-comparison.tsx';
import { hereId } from './snapshot-rows.ts';

interface CompareDialogProps {
  vm: Vm;
  /** Every restore point, to choose from. */
  all: readonly Snapshot[];
  from: string;
  to: string;
  onClose: () => void;
}

/** Two restore points, or one and the state now: where their disks differ. */
export function CompareDialog({ vm, all, onClose, ...given }: CompareDialogProps) {
  const { compare, here } = words.snapshots;
  const [from, setFrom] = useState(given.from);
  const [to, setTo] = useState(given.to);
  const points = [...all.map(({ id, name }) => ({ value: id, label: name })), { value: hereId, label: here }];
  const nameOf = (id: string) => points.find(({ value }) => value === id)?.label ?? '';
  const held = [from, to].map((id) => disksOf(vm, all, id));
  const both = vm.disks.filter(({ id }) => held.every((disks) => disks.has(id)));
  return (
    <Dialog onClose={onClose} title={compare.title} size="60rem">
      <div className={classes.compare}>
        <div className={classes.points}>
          <Select
            label={compare.from}
            data={points}
            value={from}
            searchable
            onChange={(id) => setFrom(id ?? from)}
          />
          <IconArrowRight size={18} aria-hidden className={classes.arrow} />
          <Select label={compare.to} data={points} value={to} searchable onChange={(id) => setTo(id ?? to)} />
        </div>
        {from === to ? (
          <p className={classes.quiet}>{compare.same}</p>
        ) : both.length === 0 ? (
          <p className={classes.quiet}>{compare.noDisk}</p>
        ) : (
          both.map((disk) => (
            <DiskComparison
              key={`${disk.id} ${from} ${to}`}
              vm={vm}
              name={diskName(vm.disks, vm.disks.indexOf(disk))}
              wish={{ from, to, disk: disk.id }}
              isWritten={isLive(vm.state) && [from, to].some((id) => isOfActive(disk, all, id))}
              label={compare.between(nameOf(from), nameOf(to))}
            />
          ))
        )}
      </div>
    </Dialog>
  );
}

/** What the VM writes when it runs: its disk now, and whatever lies inside the same file. */
const isOfActive = (disk: Vm['disks'][number], all: readonly Snapshot[], id: string): boolean =>
  id === hereId ||
  (all.find((snapshot) => snapshot.id === id)?.disks ?? []).some(
    ({ imageId, internalTag }) => internalTag !== undefined && imageId === disk.imageId,
  );

const disksOf = (vm: Vm, all: readonly Snapshot[], id: string): ReadonlySet<string> =>
  new Set(
    id === hereId
      ? vm.disks.map((disk) => disk.id)
      : (all.find((snapshot) => snapshot.id === id)?.disks ?? []).map(({ diskId }) => diskId),
  );
