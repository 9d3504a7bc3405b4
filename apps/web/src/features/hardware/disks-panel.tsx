import { ActionIcon, Button, Checkbox, Select, Tooltip } from '@mantine/core';
import { IconPlus, IconTrash } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { imagesQuery } from '../../api/queries.ts';
import { useImageNames } from '../../api/use-image-names.ts';
import { formatBytes } from '../../lib/format.ts';
import { words } from '../../lib/words.ts';
import { MoveImageButton } from '../library/move-image-button.tsx';
import type { DiskDraft } from '../vm-form/definition.ts';
import { options } from '../vm-form/options.ts';
import { AddDisk } from './add-disk.tsx';
import { busForNext } from './bus-for-next.ts';
import { DraftPanel } from './draft-panel.tsx';
import classes from './hardware-tab.module.css';
import type { Draft } from './use-draft.ts';

export function DisksPanel({ draft }: { draft: Draft }) {
  const { disk: text, sections } = words.hardware;
  const { disks } = draft.value;
  const [adding, setAdding] = useState(false);
  return (
    <DraftPanel draft={draft} title={sections.disks} fields={['disks']}>
      {disks.length === 0 ? <p className={classes.hint}>{text.none}</p> : null}
      {disks.map((disk, index) => (
        <DiskRow
          key={'id' in disk ? disk.id : `new ${index}`}
          draft={draft}
          disk={disk}
          onChange={(next) => draft.set('disks', disks.with(index, next))}
          onRemove={() => draft.set('disks', disks.toSpliced(index, 1))}
          error={draft.fieldError(`disks.${index}`)}
        />
      ))}
      {adding ? (
        <AddDisk
          bus={busForNext(draft.value)}
          onCancel={() => setAdding(false)}
          onAdd={(disk) => {
            draft.set('disks', [...disks, disk]);
            setAdding(false);
          }}
        />
      ) : (
        <div className={classes.adders}>
          <Button
            size="compact-sm"
            variant="subtle"
            leftSection={<IconPlus size={14} aria-hidden />}
            onClick={() => setAdding(true)}
          >
            {text.add}
          </Button>
        </div>
      )}
    </DraftPanel>
  );
}

interface DiskRowProps {
  draft: Draft;
  disk: DiskDraft;
  onChange: (disk: DiskDraft) => void;
  onRemove: () => void;
  error: string | undefined;
}

function DiskRow({ draft, disk, onChange, onRemove, error }: DiskRowProps) {
  const text = words.hardware;
  const name = useDiskName(draft, disk);
  const image = useStoredImage(draft, disk);
  const chainLength =
    'id' in disk ? draft.vm.disks.find((each) => each.id === disk.id)?.chainLength : undefined;
  return (
    <div className={classes.row}>
      <div className={classes.rowHead}>
        <span className={classes.rowName}>
          {name}{' '}
          {chainLength ? (
            <Link to="/vms/$vmId/layers" params={{ vmId: draft.vm.id }}>
              {text.disk.layers(chainLength)}
            </Link>
          ) : null}
        </span>
        <span className={classes.rowActions}>
          {image ? <MoveImageButton image={image} size="compact-xs" variant="subtle" /> : null}
          <Tooltip label={text.disk.removeText}>
            <ActionIcon variant="subtle" color="red" aria-label={text.disk.remove(name)} onClick={onRemove}>
              <IconTrash size={15} aria-hidden />
            </ActionIcon>
          </Tooltip>
        </span>
      </div>
      <div className={classes.fields}>
        <Select
          label={text.bus}
          data={options(text.buses)}
          value={disk.bus}
          error={error}
          onChange={(bus) => onChange({ ...disk, bus: bus as DiskDraft['bus'] })}
        />
        <Select
          label={text.cache}
          data={options(text.caches)}
          value={disk.cache}
          onChange={(cache) => onChange({ ...disk, cache: cache as DiskDraft['cache'] })}
        />
      </div>
      <Checkbox
        label={text.discardDisk}
        checked={disk.discard}
        onChange={(event) => onChange({ ...disk, discard: event.currentTarget.checked })}
      />
    </div>
  );
}

/** The active layer of a disk that the VM has: what is only in the draft has no file to move. */
function useStoredImage(draft: Draft, disk: DiskDraft) {
  const images = useQuery(imagesQuery()).data?.items;
  if (!('id' in disk)) return undefined;
  const imageId = draft.vm.disks.find((each) => each.id === disk.id)?.imageId;
  return images?.find(({ id, present }) => id === imageId && present);
}

function useDiskName(draft: Draft, disk: DiskDraft): string {
  const images = useQuery(imagesQuery()).data?.items;
  const nameOf = useImageNames();
  const { disk: text } = words.hardware;
  if ('create' in disk) return `${text.newDisk} · ${formatBytes(Number(disk.create.size))}`;
  const imageId =
    'overlayOf' in disk
      ? disk.overlayOf
      : 'id' in disk
        ? draft.vm.disks.find((each) => each.id === disk.id)?.imageId
        : disk.imageId;
  const image = images?.find((each) => each.id === imageId);
  const name = image ? `${nameOf(image)} · ${image.format} · ${formatBytes(image.virtualSize)}` : imageId;
  return name ?? text.missing;
}
