import type { Vm } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import { imagesQuery, snapshotsQuery } from '../../api/queries.ts';
import { useImageNames } from '../../api/use-image-names.ts';
import { words } from '../../lib/words.ts';
import { Bytes } from '../../ui/bytes.tsx';
import classes from './deleted-files.module.css';
import { type Deletion, vmDeletion } from './vm-deletion.ts';

/** Null until the images and snapshots are known. */
export function useVmDeletion(vm: Vm, wanted: boolean): Deletion | null {
  const images = useQuery({ ...imagesQuery(), enabled: wanted }).data;
  const snapshots = useQuery({ ...snapshotsQuery(vm.id), enabled: wanted }).data;
  return images && snapshots ? vmDeletion(vm, snapshots.tree, images.items) : null;
}

/** The files that go to the trash with a VM, and those that stay, with the reason. */
export function DeletedFiles({ deletion }: { deletion: Deletion }) {
  const { files } = words.vms.delete;
  const nameOf = useImageNames();
  const { goes, stays } = deletion;
  return (
    <div className={classes.files}>
      <h3>{files.goes(goes.length)}</h3>
      <ul>
        {goes.map((image) => (
          <li key={image.id} title={image.path}>
            {nameOf(image)} · <Bytes value={image.allocatedSize} />
          </li>
        ))}
      </ul>
      {stays.length === 0 ? null : (
        <>
          <h3>{files.stays(stays.length)}</h3>
          <ul>
            {stays.map(({ image, because }) => (
              <li key={image.id} title={image.path}>
                {nameOf(image)} · {because.length > 0 ? files.because(because) : files.source}
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}
