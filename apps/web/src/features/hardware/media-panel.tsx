import { ActionIcon, Button } from '@mantine/core';
import { endpoints, type Vm } from '@strata/contract';
import { IconDisc, IconPlus, IconTrash } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { call } from '../../api/call.ts';
import { words } from '../../lib/words.ts';
import { notifyError } from '../../ui/notify.tsx';
import { ReasonedButton } from '../../ui/reasoned-button.tsx';
import { ImageSelect, isMedium } from '../vm-form/image-select.tsx';
import { rememberVm } from '../vms/use-vm-action.ts';
import { DraftPanel } from './draft-panel.tsx';
import classes from './hardware-tab.module.css';
import type { Draft } from './use-draft.ts';

/** Media are changed at once; drives come and go with the next start. */
export function MediaPanel({ draft }: { draft: Draft }) {
  const { media: text, sections } = words.hardware;
  const { media } = draft.value;
  const add = (kind: 'cdrom' | 'floppy') => draft.set('media', [...media, { kind, imageId: null }]);
  const drivesChanged = 'media' in draft.changes;
  return (
    <DraftPanel draft={draft} title={sections.media} fields={['media']}>
      {media.length === 0 ? <p className={classes.hint}>{text.none}</p> : null}
      {drivesChanged
        ? media.map((drive, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a drive that is not saved has no slot yet
            <div key={index} className={classes.row}>
              <div className={classes.rowHead}>
                <span className={classes.rowName}>
                  <IconDisc size={15} aria-hidden style={{ verticalAlign: '-2px' }} /> {text[drive.kind]}
                </span>
                <ActionIcon
                  variant="subtle"
                  color="red"
                  aria-label={text.remove}
                  onClick={() => draft.set('media', media.toSpliced(index, 1))}
                >
                  <IconTrash size={15} aria-hidden />
                </ActionIcon>
              </div>
              <ImageSelect
                aria-label={text.insert}
                placeholder={text.empty}
                value={drive.imageId ?? null}
                accept={isMedium}
                clearable
                error={draft.fieldError(`media.${index}`)}
                onChange={(imageId) => draft.set('media', media.with(index, { ...drive, imageId }))}
              />
            </div>
          ))
        : draft.vm.media.map((drive, index) => (
            <Drive
              key={drive.slot}
              vm={draft.vm}
              drive={drive}
              onRemove={() => draft.set('media', media.toSpliced(index, 1))}
            />
          ))}
      <div className={classes.adders}>
        <Button
          size="compact-sm"
          variant="subtle"
          leftSection={<IconPlus size={14} aria-hidden />}
          onClick={() => add('cdrom')}
        >
          {text.addCdrom}
        </Button>
        <Button
          size="compact-sm"
          variant="subtle"
          leftSection={<IconPlus size={14} aria-hidden />}
          onClick={() => add('floppy')}
        >
          {text.addFloppy}
        </Button>
      </div>
    </DraftPanel>
  );
}

function Drive({ vm, drive, onRemove }: { vm: Vm; drive: Vm['media'][number]; onRemove: () => void }) {
  const { media: text } = words.hardware;
  const client = useQueryClient();
  const change = useMutation({
    mutationFn: (imageId: string | null) => {
      const params = { id: vm.id, slot: drive.slot };
      return imageId === null
        ? call(endpoints.deleteMedia, { params })
        : call(endpoints.putMedia, { params, body: { imageId } });
    },
    onSuccess: (changed) => rememberVm(client, changed),
    onError: notifyError,
  });
  return (
    <div className={classes.row}>
      <div className={classes.rowHead}>
        <span className={classes.rowName}>
          <IconDisc size={15} aria-hidden style={{ verticalAlign: '-2px' }} /> {text[drive.kind]}
        </span>
        <ActionIcon variant="subtle" color="red" aria-label={text.remove} onClick={onRemove}>
          <IconTrash size={15} aria-hidden />
        </ActionIcon>
      </div>
      <ImageSelect
        aria-label={text.insert}
        placeholder={text.empty}
        value={drive.imageId}
        accept={isMedium}
        disabled={change.isPending}
        onChange={(imageId) => {
          if (imageId) change.mutate(imageId);
        }}
      />
      <div className={classes.adders}>
        <ReasonedButton
          size="compact-sm"
          variant="default"
          loading={change.isPending}
          reason={drive.imageId === null ? text.nothingIn : null}
          onClick={() => change.mutate(null)}
        >
          {text.eject}
        </ReasonedButton>
        <span className={classes.hint}>{text.atOnce}</span>
      </div>
    </div>
  );
}
