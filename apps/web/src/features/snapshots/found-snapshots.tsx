import { endpoints, type FoundSnapshot, type Vm } from '@strata/contract';
import { IconDiamond, IconStack2 } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { imagesQuery, keys } from '../../api/queries.ts';
import { useImageNames } from '../../api/use-image-names.ts';
import { words } from '../../lib/words.ts';
import { notifyDone, notifyError } from '../../ui/notify.tsx';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import { When } from '../../ui/when.tsx';
import { diskName } from '../layers/disk-name.ts';
import { ExtractDialog } from './extract-dialog.tsx';
import classes from './found-snapshots.module.css';

interface FoundSnapshotsProps {
  vm: Vm;
  found: readonly FoundSnapshot[];
  /** Why nothing can be begun on this VM now; null: it can. */
  refusal: string | null;
  onAdopted: (id: string) => void;
}

/** Restore points that other tools made: apart from the tree, until they are taken into it. */
export function FoundSnapshots({ vm, found, refusal, onAdopted }: FoundSnapshotsProps) {
  const [extracting, setExtracting] = useState<FoundSnapshot | null>(null);
  const adopt = useAdopt(vm, onAdopted);
  if (found.length === 0) return null;
  const { found: text } = words.snapshots;
  return (
    <section className={classes.found} aria-label={text.title}>
      <h2 className={classes.title}>{text.title}</h2>
      <p className={classes.text}>{text.text}</p>
      <ul className={classes.list}>
        {found.map((point) => (
          <li key={`${point.imageId} ${point.tag ?? ''}`} className={classes.point}>
            <FoundText vm={vm} point={point} />
            <span className={classes.buttons}>
              {point.tag === undefined ? null : (
                <ReasonedButton
                  size="compact-sm"
                  variant="default"
                  reason={refusal}
                  onClick={() => setExtracting(point)}
                >
                  {words.snapshots.extract.open}
                </ReasonedButton>
              )}
              <ReasonedButton
                size="compact-sm"
                variant="default"
                aria-label={text.adoptOne(point.name)}
                loading={adopt.isPending && adopt.variables === point}
                reason={refusal ?? (point.possible ? null : (point.reason ?? text.impossible))}
                onClick={() => adopt.mutate(point)}
              >
                {text.adopt}
              </ReasonedButton>
            </span>
          </li>
        ))}
      </ul>
      {extracting?.tag === undefined ? null : (
        <ExtractDialog
          name={extracting.name}
          points={extracting.disks.map(({ diskId, imageId }) => ({
            imageId,
            tag: extracting.tag ?? '',
            disk: nameOfDisk(vm, diskId),
          }))}
          onClose={() => setExtracting(null)}
        />
      )}
    </section>
  );
}

const nameOfDisk = (vm: Vm, diskId: string): string => {
  const index = vm.disks.findIndex(({ id }) => id === diskId);
  return index < 0 ? words.snapshots.removedDisk : diskName(vm.disks, index);
};

function useAdopt(vm: Vm, onAdopted: (id: string) => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ imageId, tag }: FoundSnapshot) =>
      call(endpoints.adoptSnapshot, {
        params: { id: vm.id },
        body: { imageId, ...(tag === undefined ? {} : { tag }) },
      }),
    onSuccess: async ({ id, name }) => {
      await client.invalidateQueries({ queryKey: keys.snapshots(vm.id) });
      notifyDone(words.snapshots.found.adopted(name));
      onAdopted(id);
    },
    onError: notifyError,
  });
}

function FoundText({ vm, point }: { vm: Vm; point: FoundSnapshot }) {
  const { found, kinds } = words.snapshots;
  const images = useQuery(imagesQuery()).data?.items;
  const nameOf = useImageNames();
  const image = images?.find(({ id }) => id === point.imageId);
  const isTag = point.kind === 'internal';
  const Icon = isTag ? IconDiamond : IconStack2;
  return (
    <span className={classes.what}>
      <span className={classes.name}>
        <Icon size={15} aria-hidden /> {point.name}
      </span>
      <span className={classes.facts}>
        <span>{isTag ? (point.memory ? kinds.internalMemory : kinds.internal) : found.overlay}</span>
        <span>
          {point.disks.map(({ diskId }) => nameOfDisk(vm, diskId)).join(', ')} ·{' '}
          {image ? nameOf(image) : point.imageId}
        </span>
        {point.createdAt === undefined ? null : <When at={point.createdAt} />}
      </span>
    </span>
  );
}
